module "alerts" {
  source = "../modules/alerts"

  name                     = local.name
  emails                   = var.alert_emails
  environment              = { POWERTOOLS_LOG_LEVEL = var.log_level }
  functions                = module.artifacts.functions
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = local.permissions_boundary_arn
  webhooks                 = var.webhooks
  webhooks_version         = var.webhooks_version + 1 # the version of no webhooks is 1
}

module "observability" {
  source = "../modules/observability"

  name                   = local.name
  distribution_id        = local.delivers ? module.delivery[0].distribution_id : null
  edge_devices           = var.edge_devices
  functions              = local.functions
  health_alarm           = var.health_alarm
  mediaconvert_queue_arn = local.features.transcode ? module.transcode.queue_arn : null
  originals_bucket_name  = module.originals.name
  state_machine_arn      = module.pipeline.state_machine_arn
  table_name             = module.pipeline.catalog_table.name
  topic_arn              = module.alerts.topic_arn

  # Alert on a tenth of the month's budget within an hour, long before AWS's own figures arrive.
  alarms = { hourly_spend_usd = var.monthly_budget_usd / 10 }

  # Module alerts raises the alarm on its own queue, through a topic that does not need the notifier.
  dead_letter_queue_names = merge(
    {
      actions     = module.actions.dead_letter_queue.name
      cost_report = module.finops.dead_letter_queue.name
      failure     = module.pipeline.dead_letter_queue.name
      ingest      = module.ingest.dead_letter_queue.name
    },
    { for queue in module.analysis.dead_letter_queue[*] : "resume" => queue.name },
    { for render in module.render : "render" => render.dead_letter_queue.name },
    { for queue in module.compliance.dead_letter_queue[*] : "macie" => queue.name },
  )

  rule_names = merge(
    {
      actions = module.actions.rule_name
      ingest  = module.ingest.rule_name
    },
    module.pipeline.rule_names,
    { for name in module.analysis.rule_name[*] : "resume" => name },
    { for name in module.compliance.rule_name[*] : "macie" => name },
  )
}

module "finops" {
  source = "../modules/finops"

  name                     = local.name
  anomaly                  = var.cost_anomaly
  budget                   = { cost_tag = var.cost_tag_active ? local.cost_tag : null }
  catalog_table            = module.pipeline.catalog_table
  environment              = { POWERTOOLS_LOG_LEVEL = var.log_level }
  functions                = module.artifacts.functions
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days
  monthly_budget_usd       = var.monthly_budget_usd
  permissions_boundary_arn = local.permissions_boundary_arn
  topic_arn                = module.alerts.topic_arn

  stop = try(var.edge_identity.stop_at_budget_percent, null) == null ? null : {
    percent    = var.edge_identity.stop_at_budget_percent
    role_names = [for arn in values(module.edge_identity[0].role_arns) : reverse(split("/", arn))[0]]
  }
}

module "compliance" {
  source = "../modules/compliance"

  name         = local.name
  bucket_names = [module.originals.name, module.published.name, module.work.name]
  enabled      = var.macie.enabled
  kms_key_arn  = module.key.arn
  macie        = var.macie
  topic_arn    = module.alerts.topic_arn
}
