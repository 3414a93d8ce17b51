locals {
  # The channels that the notifier can render: CHANNELS in src/impp_lambdas/core/results/channels.py.
  channels = ["discord", "slack"]

  # Secrets Manager appends a hyphen and six random characters to the name.
  secret_arn_pattern = "arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:${local.secret_name}-??????"
}

module "notifier" {
  source = "../function"

  artifact                 = var.functions["notifier"]
  dead_letter_arn          = module.dead_letter.arn
  description              = var.functions["notifier"].description
  ephemeral_storage_mb     = var.functions["notifier"].ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions["notifier"].memory_mb
  name                     = "${var.name}-notifier"
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.notifier.json
  tags                     = var.tags
  timeout_s                = var.functions["notifier"].timeout_s

  environment = merge(var.environment, {
    IMPP_WEBHOOK_SECRET_ARN = aws_secretsmanager_secret.webhooks.arn
    POWERTOOLS_SERVICE_NAME = "notifier"
  })
}

data "aws_iam_policy_document" "notifier" {
  statement {
    sid       = "ReadWebhooks"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [local.secret_arn_pattern]
  }
}

# The topic's ARN contains the account. A source account is for S3 and SES, whose ARNs do not: SNS need not send one, and a
# permission that requires it might deny every alert.
resource "aws_lambda_permission" "topic" {
  statement_id  = "alerts"
  action        = "lambda:InvokeFunction"
  function_name = module.notifier.name
  principal     = "sns.amazonaws.com"
  source_arn    = local.topics.alerts.arn
}

resource "aws_secretsmanager_secret" "webhooks" {
  #checkov:skip=CKV2_AWS_57:webhooks are changed in the chat service, which nothing here can rotate

  name        = local.secret_name
  description = "Webhook URLs of ${var.name}'s chat channels: a JSON object with a list for each channel."
  kms_key_id  = var.kms_key_arn
  tags        = var.tags

  # Webhooks are quick to recreate. A secret that is scheduled for deletion blocks its name, and with it the next
  # deployment, for weeks.
  recovery_window_in_days = 0
}

# Write-only: the value goes to Secrets Manager and nowhere else. Terraform sends it whenever the version changes.
resource "aws_secretsmanager_secret_version" "webhooks" {
  secret_id                = aws_secretsmanager_secret.webhooks.id
  secret_string_wo         = jsonencode(var.webhooks)
  secret_string_wo_version = var.webhooks_version
}
