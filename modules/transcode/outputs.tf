output "queue_arn" {
  description = "ARN of the MediaConvert queue, known at plan."
  value       = "arn:${local.partition}:mediaconvert:${local.region}:${local.account}:queues/${aws_media_convert_queue.this.name}"
}

output "role_arn" {
  description = "ARN of the role that MediaConvert assumes, known at plan."
  value       = "arn:${local.partition}:iam::${local.account}:role/${aws_iam_role.mediaconvert.name}"

  # A job fails at once if it starts before its role has its policies.
  depends_on = [aws_iam_role_policy.encryption, aws_iam_role_policy.objects]
}
