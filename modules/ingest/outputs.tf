output "dead_letter_queue" {
  description = "The queue of events that could not start an execution: replay them from here."
  value = {
    arn  = "${local.queue_arn_prefix}${aws_sqs_queue.dead_letter.name}"
    name = aws_sqs_queue.dead_letter.name
    url  = aws_sqs_queue.dead_letter.url
  }
}

output "rule_name" {
  description = "Name of the EventBridge rule."
  value       = aws_cloudwatch_event_rule.created.name
}
