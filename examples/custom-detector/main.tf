# A custom detector beside the pipeline: a model of your own behind an endpoint, and what the pipeline needs to ask it. The
# guide docs/guide/custom-detector.md goes through it.

variable "artifact_path" {
  description = "Path of the model that `model/build.py` wrote."
  type        = string
  default     = "../../build/scene/model.tar.gz"
}

variable "asynchronous" {
  description = "Whether the endpoint runs on an instance that scales in to zero, instead of serverless."
  type        = bool
  default     = false
}

variable "environment" {
  description = "Environment of IMPP that will ask the endpoint."
  type        = string
  default     = "dev"
}

variable "kms_key_arn" {
  description = "ARN of the environment's key, alias impp-<environment>: it encrypts the frames."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits the model's role. Null: none."
  type        = string
  default     = null
}

# Pillow and NumPy are part of the PyTorch image. AWS lists its images in the Deep Learning Containers' release notes.
data "aws_sagemaker_prebuilt_ecr_image" "pytorch" {
  repository_name = "pytorch-inference"
  image_tag       = "2.6.0-cpu-py312-ubuntu22.04-sagemaker"
}

data "aws_caller_identity" "current" {}

# The environment's buckets: the artifact lies beside the functions' code, frames and answers are in `work`.
locals {
  buckets = { for purpose in ["code", "work"] : purpose => "impp-${var.environment}-${data.aws_caller_identity.current.account_id}-${purpose}" }
}

resource "aws_s3_object" "artifact" {
  bucket      = local.buckets.code
  key         = "models/scene/${filesha256(var.artifact_path)}.tar.gz"
  source      = var.artifact_path
  source_hash = filesha256(var.artifact_path)
}

module "scene" {
  source                   = "../../modules/custom_model"
  name                     = "impp-${var.environment}-scene"
  artifact                 = { bucket = aws_s3_object.artifact.bucket, key = aws_s3_object.artifact.key }
  image                    = data.aws_sagemaker_prebuilt_ecr_image.pytorch.registry_path
  kms_key_arn              = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  serverless               = { memory_mb = 1024 }

  asynchronous = var.asynchronous ? {
    answers_prefix = "work/sagemaker/scene/"
    bucket         = local.buckets.work
    instance_type  = "ml.m5.large"
  } : null
}

output "custom_detectors" {
  description = "Value of the environment's variable `custom_detectors`, as tfvars."
  value       = { scene = merge(module.scene.detector, { labels_prefix = "scene:", seconds_per_frame = 0.2 }) }
}
