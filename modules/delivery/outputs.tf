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

output "enabled" {
  description = "Whether the distribution is enabled. It is not without viewer keys."
  value       = local.enabled
}

output "key_group_id" {
  description = "Id of the key group whose keys sign URLs and cookies; null while the distribution is disabled."
  value       = one(aws_cloudfront_key_group.viewers[*].id)
}

output "key_pair_ids" {
  description = "CloudFront key pair ids (`Key-Pair-Id` of a signed URL or cookie), by name of the viewer key."
  value       = { for name, key in aws_cloudfront_public_key.viewers : name => key.id }
}

output "log_source_arn" {
  description = "ARN of the delivery source of the access logs, known at plan: the log bucket must accept its logs (`log_delivery_sources` of module `bucket`)."
  value       = "arn:${data.aws_partition.current.partition}:logs:us-east-1:${data.aws_caller_identity.current.account_id}:delivery-source:${local.log_source_name}"
}

output "status" {
  description = "Whether media is delivered and why, in one sentence."
  value = (
    local.enabled
    ? "Delivery is on for URLs and cookies signed by ${join(", ", sort(keys(var.viewer_public_keys)))}."
    : "Delivery is DISABLED: viewer_public_keys is empty, and private media is never served without a signature. Add a public key to enable it."
  )
}
