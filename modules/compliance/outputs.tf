output "dead_letter_queue" {
  description = "The queue of findings that could not be delivered; null while Macie is off."
  value = one([for queue in module.dead_letter : {
    arn  = queue.arn
    name = queue.name
    url  = queue.url
  }])
}

output "job_arn" {
  description = "ARN of the daily classification job; null while Macie is off."
  value       = one(aws_macie2_classification_job.daily[*].job_arn)
}

output "rule_name" {
  description = "Name of the EventBridge rule for findings; null while Macie is off."
  value       = one(aws_cloudwatch_event_rule.findings[*].name)
}
