locals {
  features = module.artifacts.state_machine.features
}

module "ingest" {
  source = "../modules/ingest"

  name                     = local.name
  bucket_name              = module.originals.name
  kms_key_arn              = module.key.arn
  permissions_boundary_arn = local.permissions_boundary_arn
  state_machine_arn        = module.pipeline.state_machine_arn
}

module "pipeline" {
  source = "../modules/pipeline"

  name                        = local.name
  alert_topic_arn             = module.alerts.topic_arn
  catalog_deletion_protection = !var.force_destroy
  custom_detectors            = var.custom_detectors
  definition_path             = module.artifacts.state_machine.path
  detectors                   = keys(module.artifacts.detectors)
  functions                   = module.artifacts.functions
  kms_key_arn                 = module.key.arn
  log_retention_days          = var.log_retention_days
  muted_topic_arn             = module.alerts.muted_topic_arn
  permissions_boundary_arn    = local.permissions_boundary_arn
  profile_rules               = var.profile_rules
  profiles                    = var.profiles
  task_function_arns          = module.analysis.task_function_arns
  transcode = local.features.transcode ? {
    queue_arn = module.transcode.queue_arn
    role_arn  = module.transcode.role_arn
  } : null

  buckets = {
    delivery = module.published.name
    ingest   = module.originals.name
    work     = module.work.name
  }

  settings = {
    delivery_domain        = local.delivers ? module.delivery[0].domain_name : null
    log_level              = var.log_level
    max_frames             = var.max_frames
    max_usd_per_asset      = coalesce(var.spending_limits_usd.asset, var.monthly_budget_usd / 4)
    max_usd_per_day        = coalesce(var.spending_limits_usd.day, var.monthly_budget_usd)
    max_usd_per_device_day = coalesce(var.spending_limits_usd.device_day, var.monthly_budget_usd / 2)
    monthly_budget_usd     = var.monthly_budget_usd
    transcribe_language    = var.transcribe_language
  }
}

module "analysis" {
  source = "../modules/analysis"

  name                     = local.name
  catalog_table_name       = module.pipeline.catalog_table.name
  custom_detectors         = var.custom_detectors
  detectors                = module.artifacts.detectors
  functions                = module.artifacts.functions
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = local.permissions_boundary_arn
  state_machine_name       = local.state_machine_name

  buckets = {
    delivery = module.published.name
    ingest   = module.originals.name
    work     = module.work.name
  }

  settings = {
    log_level                    = var.log_level
    max_frames                   = var.max_frames
    transcribe_fallback_language = var.transcribe_fallback_language
    transcribe_language          = var.transcribe_language
  }
}

module "transcode" {
  source = "../modules/transcode"

  name                     = local.name
  copies                   = { bucket = module.work.name }
  input                    = { bucket = module.originals.name }
  kms_key_arn              = module.key.arn
  output                   = { bucket = module.published.name }
  permissions_boundary_arn = local.permissions_boundary_arn
}

# Renditions on request are MediaConvert's.
module "render" {
  source = "../modules/render"
  count  = local.features.transcode ? 1 : 0

  name                     = local.name
  alert_topic_arn          = module.alerts.topic_arn
  catalog_table_name       = module.pipeline.catalog_table.name
  functions                = module.artifacts.functions
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = local.permissions_boundary_arn

  buckets = {
    delivery = module.published.name
    ingest   = module.originals.name
  }

  settings = {
    delivery_domain        = local.delivers ? module.delivery[0].domain_name : null
    log_level              = var.log_level
    max_usd_per_asset      = coalesce(var.spending_limits_usd.asset, var.monthly_budget_usd / 4)
    max_usd_per_day        = coalesce(var.spending_limits_usd.day, var.monthly_budget_usd)
    max_usd_per_device_day = coalesce(var.spending_limits_usd.device_day, var.monthly_budget_usd / 2)
    monthly_budget_usd     = var.monthly_budget_usd
  }

  transcode = {
    queue_arn = module.transcode.queue_arn
    role_arn  = module.transcode.role_arn
  }
}

# What people ask for: restores, renditions, replays, erasure, legal holds.
module "actions" {
  source = "../modules/actions"

  name                     = local.name
  alert_topic_arn          = module.alerts.topic_arn
  catalog_table_name       = module.pipeline.catalog_table.name
  distribution             = local.delivers ? { domain = module.delivery[0].domain_name, id = module.delivery[0].distribution_id } : null
  functions                = module.artifacts.functions
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = local.permissions_boundary_arn
  state_machine_arn        = module.pipeline.state_machine_arn

  buckets = {
    delivery = module.published.name
    ingest   = module.originals.name
    work     = module.work.name
  }

  settings = {
    log_level              = var.log_level
    max_usd_per_asset      = coalesce(var.spending_limits_usd.asset, var.monthly_budget_usd / 4)
    max_usd_per_day        = coalesce(var.spending_limits_usd.day, var.monthly_budget_usd)
    max_usd_per_device_day = coalesce(var.spending_limits_usd.device_day, var.monthly_budget_usd / 2)
    monthly_budget_usd     = var.monthly_budget_usd
    renders                = local.features.transcode
  }
}

# What the page may ask of them.
module "api" {
  source = "../modules/api"

  name                     = local.name
  actions_function_name    = "${local.name}-actions" # not the module's output: actions waits for the distribution, which waits for this
  catalog_table_name       = module.pipeline.catalog_table.name
  functions                = module.artifacts.functions
  kms_key_arn              = module.key.arn
  log_level                = var.log_level
  log_retention_days       = var.log_retention_days
  monthly_budget_usd       = var.monthly_budget_usd
  permissions_boundary_arn = local.permissions_boundary_arn
}
