output "alias" {
  description = "Alias of the key."
  value       = aws_kms_alias.this.name
}

output "arn" {
  description = "ARN of the key."
  value       = aws_kms_key.this.arn

  # Resources that encrypt with the key need its policy, not only the key.
  depends_on = [aws_kms_key_policy.this]
}
