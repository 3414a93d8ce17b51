# An execution that dies (timeout, abort, uncaught error) reaches none of its own final states, so a rule reports it.
resource "aws_cloudwatch_event_rule" "failed" {
  name        = "${var.name}-execution-failed"
  description = "Executions of ${local.state_machine_name} that failed, timed out or were aborted."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [local.state_machine_arn]
      status          = ["ABORTED", "FAILED", "TIMED_OUT"]
    }
  })
}

resource "aws_cloudwatch_event_target" "failure" {
  rule      = aws_cloudwatch_event_rule.failed.name
  target_id = "failure"
  arn       = module.failure.arn

  dead_letter_config {
    arn = module.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

# Separate from the other functions: all of them would wait half a minute for this one's queue.
module "failure" {
  source = "../function"

  name                     = "${var.name}-failure"
  artifact                 = var.functions["failure"]
  dead_letter_arn          = module.dead_letter.arn
  description              = var.functions["failure"].description
  environment              = merge(local.environment, { POWERTOOLS_SERVICE_NAME = "failure" })
  ephemeral_storage_mb     = var.functions["failure"].ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions["failure"].memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function["failure"].json
  tags                     = var.tags
  timeout_s                = var.functions["failure"].timeout_s
}

resource "aws_lambda_permission" "failure" {
  statement_id  = "execution-failed"
  action        = "lambda:InvokeFunction"
  function_name = module.failure.name
  principal     = "events.amazonaws.com"
  source_arn    = local.failed_rule_arn
}

# For the rule (event not delivered) and the function (event not processed).
module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-failure-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    KeepWhatWasNotDelivered = {
      service    = "events.amazonaws.com"
      source_arn = local.failed_rule_arn
    }
  }
}

moved {
  from = aws_sqs_queue.failure
  to   = module.dead_letter.aws_sqs_queue.this
}

locals {
  failed_rule_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${aws_cloudwatch_event_rule.failed.name}"
}
