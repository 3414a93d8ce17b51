# Three events: a request starts an execution, a restored original resumes it, and `rendered` cleans up after one that died.
locals {
  rules = {
    requested = {
      description = "Requests of renditions start ${local.state_machine_name}."
      pattern = {
        source      = [var.name] # of this environment: all environments of an account share the default bus
        detail-type = ["Render requested"]
      }
    }
    restored = {
      description = "Originals that have been restored from an archive."
      pattern = {
        source      = ["aws.s3"]
        detail-type = ["Object Restore Completed"]
        detail      = { bucket = { name = [var.buckets.ingest] } }
      }
    }
    unrendered = {
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

  # Functions that events start, by rule.
  started = { restored = "restore", unrendered = "rendered" }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${var.name}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "state_machine" {
  rule      = aws_cloudwatch_event_rule.this["requested"].name
  target_id = "state-machine"
  arn       = aws_sfn_state_machine.this.arn
  role_arn  = aws_iam_role.events.arn

  dead_letter_config {
    arn = module.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  depends_on = [
    aws_iam_role_policy.events,
    aws_iam_role_policy.events_encryption,
  ]
}

resource "aws_cloudwatch_event_target" "function" {
  for_each = local.started

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = each.value
  arn       = module.function[each.value].arn

  dead_letter_config {
    arn = module.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

resource "aws_lambda_permission" "events" {
  for_each = local.started

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.value].name
  principal     = "events.amazonaws.com"
  source_arn    = "${local.events}${aws_cloudwatch_event_rule.this[each.key].name}"
}

# For the rules (event not delivered) and the functions (event not processed).
module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-render-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    for key, rule in aws_cloudwatch_event_rule.this : "Keep${title(key)}" => {
      service    = "events.amazonaws.com"
      source_arn = "${local.events}${rule.name}"
    }
  }
}
