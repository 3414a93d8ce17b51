output "dead_letter_queue" {
  description = "The queue of events that could not start an execution: replay them from here."
  value = {
    arn  = local.queue_arn
    name = local.queue_name
    url  = aws_sqs_queue.dead_letter.url
  }
}

output "rule_name" {
  description = "Name of the EventBridge rule, known at plan."
  value       = local.rule_name
  depends_on  = [aws_cloudwatch_event_rule.created]
}
