output "backend_config" {
  description = "Arguments of `terraform init` for an environment's root; put the environment's name for <environment>."
  value = join(" ", [
    "-backend-config=bucket=${module.state.name}",
    "-backend-config=key=<environment>/terraform.tfstate",
    "-backend-config=kms_key_id=${module.key.arn}",
    "-backend-config=region=${var.region}",
  ])
}

output "github_plan_role_arn" {
  description = "ARN of the role with which pull requests plan; null without github_repository."
  value       = one(values(aws_iam_role.github)[*].arn)
}

output "state_bucket" {
  description = "Name of the bucket that holds the state."
  value       = module.state.name
}
