# AWS allows one monitor of dimension SERVICE per account, and creates it itself when somebody first opens Cost Explorer
# ("Cost Anomaly Detection is automatically enabled", Cost Management user guide, "Getting started with AWS Cost Anomaly
# Detection"). A second one fails with "Limit exceeded on dimensional spend monitor creation", a ValidationException.
# So a monitor is created on request only.
locals {
  detects_anomalies = var.anomaly.create_monitor || var.anomaly.monitor_arn != null

  # The account's existing monitor or the one created here; null while detection is off.
  monitor_arn = one(concat(var.anomaly.monitor_arn[*], aws_ce_anomaly_monitor.services[*].arn))
}

resource "aws_ce_anomaly_monitor" "services" {
  count = var.anomaly.create_monitor ? 1 : 0

  name              = "${var.name}-services"
  monitor_dimension = "SERVICE"
  monitor_type      = "DIMENSIONAL"
  tags              = var.tags
}

resource "aws_ce_anomaly_subscription" "alerts" {
  count = local.detects_anomalies ? 1 : 0

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
