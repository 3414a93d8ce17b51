output "detector" {
  description = "The value for the root's `custom_detectors`."
  value = {
    endpoint      = aws_sagemaker_endpoint.this.name
    instance_type = local.is_asynchronous ? var.asynchronous.instance_type : null
    kind          = local.is_asynchronous ? "asynchronous" : "serverless"
    memory_mb     = local.is_asynchronous ? null : var.serverless.memory_mb
  }
}

output "endpoint_arn" {
  description = "ARN of the endpoint, known at plan."
  value       = "arn:${local.partition}:sagemaker:${local.region}:${local.account}:endpoint/${lower(aws_sagemaker_endpoint.this.name)}"
}

output "log_group_name" {
  description = "Name of the log group of its containers."
  value       = aws_cloudwatch_log_group.endpoint.name
}

output "model_name" {
  description = "Name of the model, which changes with the artifact."
  value       = aws_sagemaker_model.this.name
}

output "role_arn" {
  description = "ARN of the role with which the model runs, known at plan."
  value       = "arn:${local.partition}:iam::${local.account}:role/${aws_iam_role.model.name}"
}
