# Macie looks every day through buckets that exist already, and tells a topic what it finds.

variable "bucket_names" {
  description = "Buckets to look through."
  type        = set(string)
}

variable "topic_arn" {
  description = "Topic that hears of findings; EventBridge must be allowed to publish to it."
  type        = string
}

module "key" {
  source = "../../modules/key"
  name   = "example-compliance"
}

module "compliance" {
  source       = "../../modules/compliance"
  name         = "example"
  bucket_names = var.bucket_names
  kms_key_arn  = module.key.arn
  topic_arn    = var.topic_arn

  macie = { finding_publishing_frequency = "ONE_HOUR", sampling_percentage = 50 }
}

output "job_arn" {
  description = "The daily job."
  value       = module.compliance.job_arn
}
