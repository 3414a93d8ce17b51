output "bucket_policy_json" {
  description = "Policy statement for the delivery bucket that lets only this distribution read."
  value       = data.aws_iam_policy_document.origin.json
}

output "distribution_arn" {
  description = "ARN of the distribution."
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_id" {
  description = "Id of the distribution."
  value       = aws_cloudfront_distribution.this.id
}

output "domain_name" {
  description = "Host name for viewers: the first alias, else the cloudfront.net name."
  value       = length(local.aliases) == 0 ? aws_cloudfront_distribution.this.domain_name : local.aliases[0]
}

output "key_group_id" {
  description = "Id of the key group whose keys sign URLs and cookies."
  value       = aws_cloudfront_key_group.viewer_keys.id
}

output "log_source_arn" {
  description = "ARN of the delivery source of the access logs, known at plan: the log bucket must accept its logs (`log_delivery_sources` of module `bucket`)."
  value       = "arn:${local.partition}:logs:us-east-1:${local.account}:delivery-source:${local.log_source_name}"
}

output "revoked_shares_store_arn" {
  description = "ARN of the key value store of revoked shares."
  value       = aws_cloudfront_key_value_store.revoked.arn
}

output "viewer_key_parameter" {
  description = "Name of the SecureString in Parameter Store that holds the key that signs: `{\"key_pair_id\": ..., \"private_key\": PEM}`. Whoever may read it can open everything."
  value       = "${local.viewer_keys_folder}/current"
  depends_on  = [aws_lambda_invocation.viewer_keys]
}

output "viewer_keys" {
  description = "The function that creates and rotates the keys: its name and its ARN."
  value = {
    arn  = module.viewer_keys.arn
    name = module.viewer_keys.name
  }
}
