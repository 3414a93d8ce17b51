locals {
  # The account's existing monitor or the one created here; null while detection is off.
  monitor_arn = var.anomaly.enabled ? one(concat(var.anomaly.monitor_arn[*], aws_ce_anomaly_monitor.services[*].arn)) : null
}

resource "aws_ce_anomaly_monitor" "services" {
  count = var.anomaly.enabled && var.anomaly.monitor_arn == null ? 1 : 0

  name              = "${var.name}-services"
  monitor_dimension = "SERVICE"
  monitor_type      = "DIMENSIONAL"
  tags              = var.tags
}

resource "aws_ce_anomaly_subscription" "alerts" {
  count = var.anomaly.enabled ? 1 : 0

  name             = "${var.name}-alerts"
  frequency        = "IMMEDIATE"
  monitor_arn_list = [local.monitor_arn]
  tags             = var.tags

  subscriber {
    address = var.topic_arn
    type    = "SNS"
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly.threshold_usd)]
    }
  }
}
