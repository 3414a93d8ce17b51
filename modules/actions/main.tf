data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  events    = "arn:${local.partition}:events:${local.region}:${local.account}:"
  s3        = "arn:${local.partition}:s3:::"
  table_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.catalog_table_name}"
}

module "function" {
  source = "../function"

  name                     = "${var.name}-actions"
  artifact                 = var.functions.actions
  dead_letter_arn          = module.dead_letter.arn
  description              = var.functions.actions.description
  ephemeral_storage_mb     = var.functions.actions.ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions.actions.memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function.json
  tags                     = var.tags
  timeout_s                = var.functions.actions.timeout_s

  environment = {
    IMPP_ALERT_TOPIC_ARN        = var.alert_topic_arn
    IMPP_CATALOG_TABLE          = var.catalog_table_name
    IMPP_DELIVERY_BUCKET        = var.buckets.delivery
    IMPP_DELIVERY_DOMAIN        = var.distribution == null ? "" : var.distribution.domain
    IMPP_DISTRIBUTION_ID        = var.distribution == null ? "" : var.distribution.id
    IMPP_INGEST_BUCKET          = var.buckets.ingest
    IMPP_MAX_USD_PER_ASSET      = tostring(var.settings.max_usd_per_asset)
    IMPP_MAX_USD_PER_DAY        = tostring(var.settings.max_usd_per_day)
    IMPP_MAX_USD_PER_DEVICE_DAY = tostring(var.settings.max_usd_per_device_day)
    IMPP_MONTHLY_BUDGET_USD     = tostring(var.settings.monthly_budget_usd)
    IMPP_RENDERS                = var.settings.renders ? "yes" : ""
    IMPP_STATE_MACHINE_ARN      = var.state_machine_arn
    IMPP_WORK_BUCKET            = var.buckets.work
    POWERTOOLS_LOG_LEVEL        = var.settings.log_level
    POWERTOOLS_SERVICE_NAME     = "actions"
  }
}

# A restore takes hours. S3's event ends it: nothing polls.
resource "aws_cloudwatch_event_rule" "restored" {
  name        = "${var.name}-actions-restored"
  description = "Originals that have been restored from an archive, for those who asked ${var.name}-actions."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Restore Completed"]
    detail      = { bucket = { name = [var.buckets.ingest] } }
  })
}

resource "aws_cloudwatch_event_target" "restored" {
  rule      = aws_cloudwatch_event_rule.restored.name
  target_id = "actions"
  arn       = module.function.arn

  dead_letter_config {
    arn = module.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

resource "aws_lambda_permission" "restored" {
  statement_id  = "restored"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = "${local.events}rule/${aws_cloudwatch_event_rule.restored.name}"
}

# For the rule (event not delivered) and the function (event not processed).
module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-actions-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    KeepRestored = {
      service    = "events.amazonaws.com"
      source_arn = "${local.events}rule/${aws_cloudwatch_event_rule.restored.name}"
    }
  }
}
