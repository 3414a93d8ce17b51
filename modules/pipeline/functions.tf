locals {
  # Each times out before the state machine stops waiting for it. Inspect reads parts of originals over the network.
  functions = {
    archive = {
      description = "Chooses the storage class and tags the original with it."
      memory_mb   = 256
      timeout_s   = 60
    }
    inspect = {
      description = "Checks integrity, identifies the file, plans and quotes the work."
      memory_mb   = 1024
      timeout_s   = 120
    }
    publish = {
      description = "Writes manifest, captions, catalog item and ledger."
      memory_mb   = 512
      timeout_s   = 120
    }
    quarantine = {
      description = "Tags what cannot be processed and records the reason."
      memory_mb   = 256
      timeout_s   = 60
    }
  }

  environment = {
    IMPP_ALERT_TOPIC_ARN     = var.alert_topic_arn
    IMPP_CATALOG_TABLE       = aws_dynamodb_table.catalog.name
    IMPP_DELIVERY_BUCKET     = var.buckets.delivery
    IMPP_DELIVERY_DOMAIN     = var.settings.delivery_domain
    IMPP_INGEST_BUCKET       = var.buckets.ingest
    IMPP_MAX_FRAMES          = tostring(var.settings.max_frames)
    IMPP_MONTHLY_BUDGET_USD  = tostring(var.settings.monthly_budget_usd)
    IMPP_TRANSCRIBE_LANGUAGE = var.settings.transcribe_language
    IMPP_WORK_BUCKET         = var.buckets.work
    POWERTOOLS_LOG_LEVEL     = var.settings.log_level
  }
}

module "function" {
  source   = "../function"
  for_each = local.functions

  name               = "${var.name}-${each.key}"
  artifact           = var.functions[each.key].artifact
  description        = each.value.description
  environment        = merge(local.environment, { POWERTOOLS_SERVICE_NAME = each.key })
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  memory_mb          = coalesce(var.functions[each.key].memory_mb, each.value.memory_mb)
  policy_json        = data.aws_iam_policy_document.function[each.key].json
  tags               = var.tags
  timeout_s          = coalesce(var.functions[each.key].timeout_s, each.value.timeout_s)
}
