output "arn" {
  description = "ARN of the queue, known at plan. Resources that use it wait for the queue."
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
