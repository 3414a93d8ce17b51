output "queue_arn" {
  description = "ARN of the MediaConvert queue, known at plan."
  value       = local.queue_arn
  depends_on  = [aws_media_convert_queue.this]
}

output "role_arn" {
  description = "ARN of the role that MediaConvert assumes, known at plan."
  value       = local.role_arn
  depends_on  = [aws_iam_role_policy.encryption, aws_iam_role_policy.objects]
}
