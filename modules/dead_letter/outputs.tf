output "arn" {
  description = "ARN of the queue, known at plan. Whatever uses it waits for the queue."
  value       = "${local.arn_prefix}${aws_sqs_queue.this.name}"
}

output "name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}
