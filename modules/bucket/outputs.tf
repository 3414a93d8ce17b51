output "arn" {
  description = "ARN of the bucket, known at plan."
  value       = local.arn
  depends_on  = [aws_s3_bucket.this]
}

output "id" {
  description = "Name of the bucket, known once it exists."
  value       = aws_s3_bucket.this.id
}

output "name" {
  description = "Name of the bucket, known at plan."
  value       = var.name
  depends_on  = [aws_s3_bucket.this]
}

output "regional_domain_name" {
  description = "Domain name of the bucket as a CloudFront origin."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
