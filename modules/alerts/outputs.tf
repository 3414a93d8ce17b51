output "dead_letter_queue" {
  description = "The queue of alerts that reached no chat channel. This module raises the alarm on it, independently of the notifier."
  value = {
    arn  = module.dead_letter.arn
    name = module.dead_letter.name
    url  = module.dead_letter.url
  }
}

output "fallback_topic_arn" {
  description = "ARN of the topic for alarms about alerting itself, known at plan; it has e-mail subscribers only."
  value       = local.topics.fallback.arn
  depends_on  = [aws_sns_topic.fallback]
}

output "muted_topic_arn" {
  description = "ARN of the topic for alerts beyond a device's daily number, which has no subscribers."
  value       = local.topics.muted.arn
  depends_on  = [aws_sns_topic.muted]
}

output "notifier" {
  description = "The notifier function: name and log group."
  value = {
    log_group_name = module.notifier.log_group_name
    name           = module.notifier.name
  }
}

output "topic_arn" {
  description = "ARN of the topic to which everything publishes its alerts, known at plan."
  value       = local.topics.alerts.arn
  depends_on  = [aws_sns_topic.alerts]
}

output "webhook_secret_arn" {
  description = "ARN of the secret that holds the webhook URLs."
  value       = aws_secretsmanager_secret.webhooks.arn
}
