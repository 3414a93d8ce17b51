resource "aws_budgets_budget" "monthly" {
  name         = "${var.name}-monthly"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  tags         = var.tags
  time_unit    = "MONTHLY"

  # Usage regardless of credits: otherwise a cost would first appear when a credit runs out.
  cost_types {
    include_credit = false
    include_refund = false
  }

  dynamic "cost_filter" {
    for_each = var.budget.cost_tag[*]

    content {
      name   = "TagKeyValue"
      values = [format("user:%s$%s", cost_filter.value.key, cost_filter.value.value)]
    }
  }

  dynamic "notification" {
    for_each = merge(
      { for percent in var.budget.actual_percent : "actual-${percent}" => { percent = percent, type = "ACTUAL" } },
      { forecast = { percent = var.budget.forecast_percent, type = "FORECASTED" } },
    )

    content {
      comparison_operator       = "GREATER_THAN"
      notification_type         = notification.value.type
      subscriber_sns_topic_arns = [var.topic_arn]
      threshold                 = notification.value.percent
      threshold_type            = "PERCENTAGE"
    }
  }
}
