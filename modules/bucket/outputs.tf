output "arn" {
  description = "ARN of the bucket, known at plan. For policies: it does not wait for the bucket's own policy, which may come from a module that needs this ARN."
  value       = "arn:${local.partition}:s3:::${aws_s3_bucket.this.bucket}"
}

output "id" {
  description = "Name of the bucket, known once the bucket and its versioning exist. Lifecycle rules of other modules need both."
  value       = aws_s3_bucket_versioning.this.id
}

# Whoever writes to the bucket takes this output. Objects keep the encryption with which they were written, and S3 encrypts
# with its own key (SSE-S3) until the bucket's configuration exists (S3 user guide, "Setting default server-side encryption
# behavior for Amazon S3 buckets").
output "name" {
  description = "Name of the bucket, known at plan. For writers: they wait for encryption, policy, ownership, versioning and the block of public access."
  value       = aws_s3_bucket.this.bucket

  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "regional_domain_name" {
  description = "Domain name of the bucket as a CloudFront origin. Like `arn` it does not wait for the bucket's policy."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
