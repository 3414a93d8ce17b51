# ARNs are derived from names, so that a plan shows the policies and definitions that contain them. The names are the
# resources' own attributes, so whatever uses one waits for the resource.

output "arn" {
  description = "ARN of the function, known at plan."
  value       = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${aws_lambda_function.this.function_name}"
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "ARN of the function's role, known at plan."
  value       = "arn:${local.partition}:iam::${local.account}:role/${aws_iam_role.this.name}"
}

output "role_name" {
  description = "Name of the function's role."
  value       = aws_iam_role.this.name
}
