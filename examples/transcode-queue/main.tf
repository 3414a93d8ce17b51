# A MediaConvert queue and the one role its jobs need: read originals here, write renditions there.

variable "bucket_prefix" {
  description = "What the names of both buckets start with."
  type        = string
}

module "key" {
  source = "../../modules/key"
  name   = "example-transcode"
}

module "originals" {
  source      = "../../modules/bucket"
  name        = "${var.bucket_prefix}-originals"
  kms_key_arn = module.key.arn
  versioning  = true
}

module "renditions" {
  source      = "../../modules/bucket"
  name        = "${var.bucket_prefix}-renditions"
  kms_key_arn = module.key.arn
}

module "transcode" {
  source      = "../../modules/transcode"
  name        = "example"
  input       = { bucket = module.originals.name }
  kms_key_arn = module.key.arn
  output      = { bucket = module.renditions.name }
}

output "transcode" {
  description = "What a job names: its queue and its role."
  value = {
    queue_arn = module.transcode.queue_arn
    role_arn  = module.transcode.role_arn
  }
}
