locals {
  environment = {
    IMPP_ALERT_TOPIC_ARN        = var.alert_topic_arn
    IMPP_MUTED_TOPIC_ARN        = var.muted_topic_arn
    IMPP_CATALOG_TABLE          = aws_dynamodb_table.catalog.name
    IMPP_DELIVERY_BUCKET        = var.buckets.delivery
    IMPP_DELIVERY_DOMAIN        = var.settings.delivery_domain == null ? "" : var.settings.delivery_domain
    IMPP_INGEST_BUCKET          = var.buckets.ingest
    IMPP_MAX_FRAMES             = tostring(var.settings.max_frames)
    IMPP_MAX_USD_PER_ASSET      = tostring(var.settings.max_usd_per_asset)
    IMPP_MAX_USD_PER_DAY        = tostring(var.settings.max_usd_per_day)
    IMPP_MAX_USD_PER_DEVICE_DAY = tostring(var.settings.max_usd_per_device_day)
    IMPP_MONTHLY_BUDGET_USD     = tostring(var.settings.monthly_budget_usd)
    IMPP_TRANSCRIBE_LANGUAGE    = var.settings.transcribe_language
    IMPP_WORK_BUCKET            = var.buckets.work
    POWERTOOLS_LOG_LEVEL        = var.settings.log_level
  }
}

# The functions of the build that this module has a policy for (functions-iam.tf).
module "function" {
  source   = "../function"
  for_each = { for name, function in var.functions : name => function if contains(keys(local.statements), name) && !contains(values(local.started), name) }

  name                     = "${var.name}-${replace(each.key, "_", "-")}"
  artifact                 = each.value
  description              = each.value.description
  environment              = merge(local.environment, each.key == "inspect" ? local.profile_environment : {}, { POWERTOOLS_SERVICE_NAME = each.key })
  ephemeral_storage_mb     = each.value.ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = each.value.memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function[each.key].json
  tags                     = var.tags
  timeout_s                = each.value.timeout_s
}
