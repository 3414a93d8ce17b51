# ARNs and names are derived, so that policies and definitions that use them are known at plan; depends_on makes whoever
# uses them wait for the thing itself.

output "arn" {
  description = "ARN of the function, known at plan."
  value       = local.arn
  depends_on  = [aws_lambda_function.this]
}

output "log_group_name" {
  description = "Name of the function's log group, known at plan."
  value       = local.log_group_name
  depends_on  = [aws_cloudwatch_log_group.this]
}

output "name" {
  description = "Name of the function, known at plan."
  value       = var.name
  depends_on  = [aws_lambda_function.this]
}

output "role_arn" {
  description = "ARN of the function's role, known at plan."
  value       = "arn:${local.partition}:iam::${local.account}:role/${var.name}"
  depends_on  = [aws_iam_role.this]
}

output "role_name" {
  description = "Name of the function's role, known at plan."
  value       = var.name
  depends_on  = [aws_iam_role.this]
}
