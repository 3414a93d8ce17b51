# Functions that events start.
locals {
  rules = {
    # An execution that dies (timeout, abort, uncaught error) reaches none of its own final states, so a rule reports it.
    execution-failed = {
      description = "Executions of ${local.state_machine_name} that failed, timed out or were aborted."
      pattern = {
        source      = ["aws.states"]
        detail-type = ["Step Functions Execution Status Change"]
        detail = {
          stateMachineArn = [local.state_machine_arn]
          status          = ["ABORTED", "FAILED", "TIMED_OUT"]
        }
      }
    }
  }

  rule_arns = { for key, rule in aws_cloudwatch_event_rule.this : key => "arn:${local.partition}:events:${local.region}:${local.account}:rule/${rule.name}" }

  # By rule.
  started = { execution-failed = "failure" }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${var.name}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "function" {
  for_each = local.started

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = each.value
  arn       = module.started[each.value].arn

  dead_letter_config {
    arn = module.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

# Separate from the other functions: all of them would wait half a minute for the queue.
module "started" {
  source   = "../function"
  for_each = toset(values(local.started))

  name                     = "${var.name}-${replace(each.key, "_", "-")}"
  artifact                 = var.functions[each.key]
  dead_letter_arn          = module.dead_letter.arn
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

resource "aws_lambda_permission" "events" {
  for_each = local.started

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = module.started[each.value].name
  principal     = "events.amazonaws.com"
  source_arn    = local.rule_arns[each.key]
}

# For the rules (event not delivered) and the functions (event not processed).
module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-failure-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    for key, arn in local.rule_arns : "Keep${replace(title(replace(key, "-", " ")), " ", "")}" => {
      service    = "events.amazonaws.com"
      source_arn = arn
    }
  }
}

moved {
  from = aws_sqs_queue.failure
  to   = module.dead_letter.aws_sqs_queue.this
}

moved {
  from = aws_cloudwatch_event_rule.failed
  to   = aws_cloudwatch_event_rule.this["execution-failed"]
}

moved {
  from = aws_cloudwatch_event_target.failure
  to   = aws_cloudwatch_event_target.function["execution-failed"]
}

moved {
  from = aws_lambda_permission.failure
  to   = aws_lambda_permission.events["execution-failed"]
}

moved {
  from = module.failure
  to   = module.started["failure"]
}
