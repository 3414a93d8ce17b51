# Where access logs of the other buckets and of the distribution go. S3 cannot deliver them to a bucket with a KMS key.
module "logs" {
  source = "../modules/bucket"

  name               = local.bucket_names.logs
  access_log_sources = [for purpose, bucket in local.bucket_names : bucket if purpose != "logs"]
  expire_after_days  = { "" = 90 }
  force_destroy      = var.force_destroy
  policy_documents   = module.delivery.log_bucket_policy_json[*]
}

# What the functions are made of. Only whoever deploys writes here.
module "code" {
  source = "../modules/bucket"

  name          = local.bucket_names.code
  force_destroy = true # all of it comes from the build
  kms_key_arn   = module.key.arn
  log_bucket    = module.logs.name
}

# Originals. Their lifecycle is the archive module's.
module "originals" {
  source = "../modules/bucket"

  name             = local.bucket_names.ingest
  eventbridge      = true
  force_destroy    = var.force_destroy
  kms_key_arn      = module.key.arn
  log_bucket       = module.logs.name
  manage_lifecycle = false
  versioning       = true
}

module "archive" {
  source = "../modules/archive"

  bucket_name = module.originals.id
}

# Frames, analysis, transcripts on their way: all of it can be made again.
module "work" {
  source = "../modules/bucket"

  name              = local.bucket_names.work
  expire_after_days = { "work/" = var.work_retention_days }
  force_destroy     = var.force_destroy
  kms_key_arn       = module.key.arn
  log_bucket        = module.logs.name
}

# What viewers get, by the distribution alone.
module "published" {
  source = "../modules/bucket"

  name             = local.bucket_names.delivery
  force_destroy    = var.force_destroy
  kms_key_arn      = module.key.arn
  log_bucket       = module.logs.name
  policy_documents = [module.delivery.bucket_policy_json]
}

module "delivery" {
  source = "../modules/delivery"

  # CloudFront hands out its logs in us-east-1 only.
  access_logs                 = var.region == "us-east-1" ? { bucket_arn = module.logs.arn } : null
  allowed_countries           = var.delivery.allowed_countries
  bucket_arn                  = module.published.arn
  bucket_regional_domain_name = module.published.regional_domain_name
  cors_origins                = var.delivery.cors_origins
  custom_domain               = var.delivery.custom_domain
  name                        = local.name
  price_class                 = var.delivery.price_class
  viewer_public_keys          = var.viewer_public_keys
  web_acl_arn                 = var.delivery.web_acl_arn
}
