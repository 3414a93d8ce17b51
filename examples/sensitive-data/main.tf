# Macie inspects existing buckets daily and publishes its findings to a topic.

variable "bucket_names" {
  description = "Names of the buckets to inspect."
  type        = set(string)
}

variable "topic_arn" {
  description = "ARN of the topic that receives findings. EventBridge must be allowed to publish to it."
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

  # Enables Macie too. Leave manage_account out where it is enabled already.
  macie = { finding_publishing_frequency = "ONE_HOUR", manage_account = true, sampling_percentage = 50 }
}

output "job_arn" {
  description = "ARN of the daily job."
  value       = module.compliance.job_arn
}
