# A versioned bucket whose objects move to the storage class that their tag names:
#
#   aws s3api put-object-tagging --bucket my-footage --key 2026/clip.mp4 \
#     --tagging 'TagSet=[{Key=archive,Value=deep-archive}]'

variable "bucket_name" {
  description = "Name of the bucket to create."
  type        = string
}

module "key" {
  source = "../../modules/key"
  name   = "example-archive"
}

module "footage" {
  source           = "../../modules/bucket"
  name             = var.bucket_name
  kms_key_arn      = module.key.arn
  manage_lifecycle = false # module archive owns it
  versioning       = true
}

module "archive" {
  source      = "../../modules/archive"
  bucket_name = module.footage.id
  tag_key     = "archive"

  intelligent_archive   = { deep_archive_after_days = 365 }
  noncurrent_versions   = { expire_after_days = 90 }
  transition_after_days = { deep_archive = 7 }
}

output "storage_classes" {
  description = "Storage class by value of the tag."
  value       = module.archive.storage_classes
}
