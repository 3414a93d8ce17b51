output "backend_config" {
  description = "Arguments of `terraform init` for the root, beside `-backend-config=region.tfvars`. Replace `<environment>` with the environment's name."
  value = join(" ", [
    "-backend-config=bucket=${module.state.name}",
    "-backend-config=key=<environment>/terraform.tfstate",
    "-backend-config=kms_key_id=${module.key.arn}",
  ])
}

output "github_deploy_role_arns" {
  description = "ARN of the role that deploys (the environment's variable `AWS_DEPLOY_ROLE_ARN`), by environment."
  value       = { for name in keys(local.deploying) : trimprefix(name, "deploy-") => aws_iam_role.github[name].arn }
}

output "github_plan_role_arn" {
  description = "ARN of the role that plans pull requests (variable `AWS_PLAN_ROLE_ARN`); null without `github_repository`."
  value       = one([for name in keys(local.planning) : aws_iam_role.github[name].arn])
}

output "state_bucket" {
  description = "Name of the bucket that holds the state."
  value       = module.state.name
}

output "state_kms_key_arn" {
  description = "ARN of the key that encrypts the state."
  value       = module.key.arn
}
