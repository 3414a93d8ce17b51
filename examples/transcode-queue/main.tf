# A MediaConvert queue and the role of its jobs, which reads originals from one bucket and writes renditions to another.

variable "bucket_prefix" {
  description = "Prefix of both bucket names."
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
  description = "Queue and role to name in a job."
  value = {
    queue_arn = module.transcode.queue_arn
    role_arn  = module.transcode.role_arn
  }
}
