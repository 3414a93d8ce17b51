output "bucket_policy_json" {
  description = "Policy statement for the delivery bucket: this distribution, and nobody else by it, may read."
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
  description = "Host name viewers use: the first own alias, else the cloudfront.net name."
  value       = length(local.aliases) == 0 ? aws_cloudfront_distribution.this.domain_name : local.aliases[0]
}

output "enabled" {
  description = "Whether the distribution serves. False without viewer keys: private media is then not delivered at all."
  value       = local.enabled
}

output "key_group_id" {
  description = "Id of the key group whose keys sign URLs and cookies; null while the distribution is disabled."
  value       = one(aws_cloudfront_key_group.viewers[*].id)
}

output "key_pair_ids" {
  description = "CloudFront key pair id (`Key-Pair-Id` of a signed URL or cookie) by name of the viewer key."
  value       = { for name, key in aws_cloudfront_public_key.viewers : name => key.id }
}

output "log_bucket_policy_json" {
  description = "Policy statement that the access log bucket needs; null without access logs."
  value       = one(data.aws_iam_policy_document.access_logs[*].json)
}

output "status" {
  description = "What a reader should know about delivery, in a sentence."
  value = (
    local.enabled
    ? "Delivery is on: URLs and cookies signed by ${join(", ", sort(keys(var.viewer_public_keys)))} are served."
    : "Delivery is DISABLED: viewer_public_keys is empty, and private media is never served without a signature. Add a public key to enable it."
  )
}
