output "arn" {
  description = "ARN of the bucket, known at plan."
  value       = "arn:${local.partition}:s3:::${aws_s3_bucket.this.bucket}"
}

output "id" {
  description = "Name of the bucket, known once the bucket and its versioning exist. Lifecycle rules of other modules need both."
  value       = aws_s3_bucket_versioning.this.id
}

output "name" {
  description = "Name of the bucket, known at plan."
  value       = aws_s3_bucket.this.bucket
}

output "regional_domain_name" {
  description = "Domain name of the bucket as a CloudFront origin."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
