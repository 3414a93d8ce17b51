output "alarm_names" {
  description = "Names of all alarms, sorted."
  value       = local.alarm_names
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "dashboard_url" {
  description = "URL of the dashboard."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${var.name}"
}

output "health_alarm_arn" {
  description = "ARN of the composite alarm; null without it."
  value       = one(aws_cloudwatch_composite_alarm.health[*].arn)
}
