locals {
  delivers = var.delivery.enabled
}

# Access logs of the other buckets and the distribution. S3 cannot deliver them to a bucket with a KMS key.
module "logs" {
  source = "../modules/bucket"

  name                 = local.bucket_names.logs
  access_log_sources   = [for purpose, bucket in local.bucket_names : bucket if purpose != "logs"]
  expire_after_days    = { "" = 90 }
  force_destroy        = var.force_destroy
  log_delivery_sources = local.delivers ? { cloudfront = module.delivery[0].log_source_arn } : {}
}

# Zips of functions and layers. Only a deployment writes here.
module "code" {
  source = "../modules/bucket"

  name          = local.bucket_names.code
  force_destroy = true # the build can recreate everything in it
  kms_key_arn   = module.key.arn
  log_bucket    = module.logs.name
}

# Originals. Module archive owns their lifecycle.
module "originals" {
  source = "../modules/bucket"

  name             = local.bucket_names.ingest
  eventbridge      = true
  force_destroy    = var.force_destroy
  kms_key_arn      = module.key.arn
  log_bucket       = module.logs.name
  manage_lifecycle = false
  object_lock      = true # for `impp hold`
  versioning       = true

  # An object in an archive class can be processed only after a restore.
  standard_uploads_only = true
}

module "archive" {
  source = "../modules/archive"

  bucket_name         = module.originals.id
  intelligent_archive = var.intelligent_archive
}

# Frames, analysis and transcripts. The pipeline can recreate them.
module "work" {
  source = "../modules/bucket"

  name              = local.bucket_names.work
  expire_after_days = { "work/" = var.work_retention_days }
  force_destroy     = var.force_destroy
  kms_key_arn       = module.key.arn
  log_bucket        = module.logs.name
}

# Published files. Only the distribution reads them, or the holder of a presigned URL.
module "published" {
  source = "../modules/bucket"

  name             = local.bucket_names.delivery
  force_destroy    = var.force_destroy
  kms_key_arn      = module.key.arn
  log_bucket       = module.logs.name
  policy_documents = local.delivers ? [module.delivery[0].bucket_policy_json] : []
}

# Deployments from before it was optional keep their distribution: a new one takes minutes and has another host name.
moved {
  from = module.delivery
  to   = module.delivery[0]
}

# Optional, because AWS denies distributions to new accounts: "Your account must be verified before you can add new
# CloudFront resources" (AccessDenied, 403).
module "delivery" {
  source = "../modules/delivery"
  count  = local.delivers ? 1 : 0

  # CloudFront delivers its logs from us-east-1 only.
  access_logs                 = var.region == "us-east-1" ? { bucket_name = module.logs.name } : null
  api                         = module.api.origin
  allowed_countries           = var.delivery.allowed_countries
  bucket_arn                  = module.published.arn
  bucket_regional_domain_name = module.published.regional_domain_name
  cors_origins                = var.delivery.cors_origins
  custom_domain               = var.delivery.custom_domain
  gallery                     = { bucket_name = module.published.name, files = module.artifacts.gallery_files }
  environment                 = { POWERTOOLS_LOG_LEVEL = var.log_level }
  functions                   = module.artifacts.functions
  kms_key_arn                 = module.key.arn
  log_retention_days          = var.log_retention_days
  name                        = local.name
  permissions_boundary_arn    = local.permissions_boundary_arn
  price_class                 = var.delivery.price_class
  web_acl_arn                 = var.delivery.web_acl_arn
}
