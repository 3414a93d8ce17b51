locals {
  # The report filters costs by the same tag as the budget.
  cost_tag_environment = var.budget.cost_tag == null ? {} : {
    IMPP_COST_TAG = "${var.budget.cost_tag.key}=${var.budget.cost_tag.value}"
  }
}

module "cost_report" {
  source = "../function"

  artifact                 = var.functions["cost_report"]
  dead_letter_arn          = module.dead_letter.arn
  description              = var.functions["cost_report"].description
  ephemeral_storage_mb     = var.functions["cost_report"].ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions["cost_report"].memory_mb
  name                     = "${var.name}-cost-report"
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.cost_report.json
  tags                     = var.tags
  timeout_s                = var.functions["cost_report"].timeout_s

  environment = merge(var.environment, local.cost_tag_environment, {
    IMPP_ALERT_TOPIC_ARN    = var.topic_arn
    IMPP_CATALOG_TABLE      = var.catalog_table.name
    IMPP_MONTHLY_BUDGET_USD = tostring(var.monthly_budget_usd)
    POWERTOOLS_SERVICE_NAME = "cost_report"
  })
}

data "aws_iam_policy_document" "cost_report" {
  # Cost Explorer supports no resources.
  statement {
    sid       = "ReadCosts"
    actions   = ["ce:GetCostAndUsage"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadMonthlySpend"
    actions   = ["dynamodb:GetItem"]
    resources = [var.catalog_table.arn]
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["SPEND#*"]
    }
  }

  statement {
    sid       = "Report"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }
}

# A separate group, because Scheduler passes the group's ARN, not the schedule's, when it assumes a role.
resource "aws_scheduler_schedule_group" "reports" {
  name = "${var.name}-reports"
  tags = var.tags
}

resource "aws_scheduler_schedule" "cost_report" {
  name                         = "${var.name}-cost-report"
  description                  = "The daily cost report."
  group_name                   = aws_scheduler_schedule_group.reports.name
  kms_key_arn                  = var.kms_key_arn
  schedule_expression          = var.schedule.expression
  schedule_expression_timezone = var.schedule.timezone

  flexible_time_window {
    maximum_window_in_minutes = 15
    mode                      = "FLEXIBLE"
  }

  target {
    arn      = module.cost_report.arn
    role_arn = aws_iam_role.scheduler.arn

    dead_letter_config {
      arn = module.dead_letter.arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }

  depends_on = [aws_iam_role_policy.scheduler, aws_iam_role_policy.scheduler_encryption]
}

# For invocations that Scheduler failed to make and reports that the function failed to send.
module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-cost-report-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags
}

moved {
  from = aws_sqs_queue.dead_letter
  to   = module.dead_letter.aws_sqs_queue.this
}
