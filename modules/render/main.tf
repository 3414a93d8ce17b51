data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account            = data.aws_caller_identity.current.account_id
  partition          = data.aws_partition.current.partition
  region             = data.aws_region.current.id
  events             = "arn:${local.partition}:events:${local.region}:${local.account}:rule/"
  s3                 = "arn:${local.partition}:s3:::"
  state_machine_arn  = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.state_machine_name}"
  state_machine_name = "${var.name}-render"
  table_arn          = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.catalog_table_name}"

  # Quotas mean "later"; a crash inside a function is retried once, because every step is idempotent.
  retries = jsondecode(file("${path.module}/retries.json"))

  # A state must outlast its function, and the start of its environment (module pipeline does the same).
  start_s = 10
}

resource "aws_sfn_state_machine" "this" {
  name     = local.state_machine_name
  role_arn = aws_iam_role.state_machine.arn
  tags     = var.tags
  type     = "STANDARD"

  definition = templatefile("${path.module}/state_machine.asl.json", merge(
    { for name, function in module.function : "${name}_function_arn" => function.arn },
    { for name in keys(local.statements) : "${name}_timeout_s" => var.functions[name].timeout_s + local.start_s },
    { for name, retry in local.retries : "${name}_retries" => jsonencode(retry) },
    {
      alert_topic_arn        = var.alert_topic_arn
      mediaconvert_queue_arn = var.transcode.queue_arn
      mediaconvert_role_arn  = var.transcode.role_arn
    },
  ))

  encryption_configuration {
    kms_data_key_reuse_period_seconds = 900
    kms_key_id                        = var.kms_key_arn
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
  }

  logging_configuration {
    include_execution_data = true
    level                  = "ERROR"
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions checks at creation that the role may deliver logs and use the key.
  depends_on = [
    aws_iam_role_policy.state_machine,
    aws_iam_role_policy.state_machine_encryption,
  ]
}

# Below /aws/vendedlogs, where one resource policy serves any number of state machines.
resource "aws_cloudwatch_log_group" "state_machine" {
  #checkov:skip=CKV_AWS_338:the environment chooses the retention; prod keeps a year

  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

module "function" {
  source   = "../function"
  for_each = local.statements

  name                     = "${var.name}-${replace(each.key, "_", "-")}"
  artifact                 = var.functions[each.key]
  dead_letter_arn          = each.key == "render" ? null : module.dead_letter.arn
  description              = var.functions[each.key].description
  environment              = merge(local.environment, { POWERTOOLS_SERVICE_NAME = each.key })
  ephemeral_storage_mb     = var.functions[each.key].ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions[each.key].memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function[each.key].json
  tags                     = var.tags
  timeout_s                = var.functions[each.key].timeout_s
}

locals {
  environment = {
    IMPP_ALERT_TOPIC_ARN        = var.alert_topic_arn
    IMPP_CATALOG_TABLE          = var.catalog_table_name
    IMPP_DELIVERY_BUCKET        = var.buckets.delivery
    IMPP_DELIVERY_DOMAIN        = var.settings.delivery_domain == null ? "" : var.settings.delivery_domain
    IMPP_MAX_USD_PER_ASSET      = tostring(var.settings.max_usd_per_asset)
    IMPP_MAX_USD_PER_DAY        = tostring(var.settings.max_usd_per_day)
    IMPP_MAX_USD_PER_DEVICE_DAY = tostring(var.settings.max_usd_per_device_day)
    IMPP_MONTHLY_BUDGET_USD     = tostring(var.settings.monthly_budget_usd)
    POWERTOOLS_LOG_LEVEL        = var.settings.log_level
  }
}
