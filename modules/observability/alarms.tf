locals {
  # Alarms on one metric each. `recovers` means that the return to OK is also announced: for a state that lasts until
  # somebody acts, not for a burst of errors that ends by itself.
  metric_alarms = merge(
    var.alarms.function_errors == 0 ? {} : {
      for key, function in var.functions : "function-errors-${key}" => {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "${function.name} failed. Its log group is ${function.log_group_name}."
        dimensions         = { FunctionName = function.name }
        evaluation_periods = 1
        metric             = "Errors"
        missing            = "notBreaching"
        namespace          = "AWS/Lambda"
        period_s           = 300
        recovers           = false
        statistic          = "Sum"
        threshold          = var.alarms.function_errors
      }
    },
    var.alarms.function_throttles == 0 ? {} : {
      for key, function in var.functions : "function-throttles-${key}" => {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "${function.name} was throttled: the account's concurrency is used up."
        dimensions         = { FunctionName = function.name }
        evaluation_periods = 1
        metric             = "Throttles"
        missing            = "notBreaching"
        namespace          = "AWS/Lambda"
        period_s           = 300
        recovers           = false
        statistic          = "Sum"
        threshold          = var.alarms.function_throttles
      }
    },
    {
      for key, queue in var.dead_letter_queue_names : "dead-letters-${key}" => {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "Queue ${queue} contains events that could not be delivered or processed: find the cause, then replay them."
        dimensions         = { QueueName = queue }
        evaluation_periods = 1
        metric             = "ApproximateNumberOfMessagesVisible"
        missing            = "notBreaching"
        namespace          = "AWS/SQS"
        period_s           = 300
        recovers           = true
        statistic          = "Maximum"
        threshold          = 1
      }
    },
    var.alarms.dead_letter_age_hours == 0 ? {} : {
      for key, queue in var.dead_letter_queue_names : "dead-letters-age-${key}" => {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "The oldest message in queue ${queue} has waited for ${var.alarms.dead_letter_age_hours} hours; SQS deletes it after 14 days."
        dimensions         = { QueueName = queue }
        evaluation_periods = 1
        metric             = "ApproximateAgeOfOldestMessage"
        missing            = "notBreaching"
        namespace          = "AWS/SQS"
        period_s           = 3600
        recovers           = false
        statistic          = "Maximum"
        threshold          = var.alarms.dead_letter_age_hours * 3600
      }
    },
    {
      for key, rule in var.rule_names : "events-lost-${key}" => {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "An event of rule ${rule} reached neither its target nor its dead-letter queue and is lost: compare the bucket with the catalog."
        dimensions         = { RuleName = rule }
        evaluation_periods = 1
        metric             = "InvocationsFailedToBeSentToDlq"
        missing            = "notBreaching"
        namespace          = "AWS/Events"
        period_s           = 300
        recovers           = false
        statistic          = "Sum"
        threshold          = 1
      }
    },
    var.alarms.hourly_spend_usd == 0 ? {} : {
      spend = {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "One hour's assets cost USD ${var.alarms.hourly_spend_usd} or more: stop the upload if this is not intended."
        dimensions         = { Pipeline = var.name }
        evaluation_periods = 1
        metric             = "UsdPerAsset"
        missing            = "notBreaching"
        namespace          = "IMPP"
        period_s           = 3600
        recovers           = false
        statistic          = "Sum"
        threshold          = var.alarms.hourly_spend_usd
      }
    },
    {
      for device, edge in var.edge_devices : "edge-silent-${device}" => {
        comparison         = "LessThanThreshold"
        description        = "Edge box ${device} has sent no heartbeat for ${edge.silent_hours} hours: no power, no network, no credentials, or impp-edge is not running. Its footage stays on the card until the camera overwrites it."
        dimensions         = { Device = device }
        evaluation_periods = edge.silent_hours # each of them without a heartbeat
        metric             = "Heartbeat"
        missing            = "breaching"
        namespace          = "IMPP/Edge"
        period_s           = 3600 # CloudWatch looks back 7 days with periods of an hour or more, and one day with shorter ones
        recovers           = true
        statistic          = "Sum"
        threshold          = 1
      }
    },
    {
      for device, edge in var.edge_devices : "edge-waiting-${device}" => {
        comparison         = "GreaterThanOrEqualToThreshold"
        description        = "On edge box ${device} a file has waited for ${edge.oldest_waiting_hours} hours: run `impp-edge status` there to see why."
        dimensions         = { Device = device }
        evaluation_periods = 1
        metric             = "OldestWaitingSeconds"
        missing            = "notBreaching" # silence has its own alarm
        namespace          = "IMPP/Edge"
        period_s           = 3600
        recovers           = true
        statistic          = "Maximum"
        threshold          = edge.oldest_waiting_hours * 3600
      } if edge.oldest_waiting_hours > 0
    },
    var.alarms.quiet_hours == 0 ? {} : {
      quiet = {
        comparison         = "LessThanThreshold"
        description        = "No execution has started for ${var.alarms.quiet_hours} hours: is the edge box still uploading?"
        dimensions         = { StateMachineArn = var.state_machine_arn }
        evaluation_periods = var.alarms.quiet_hours
        metric             = "ExecutionsStarted"
        missing            = "breaching"
        namespace          = "AWS/States"
        period_s           = 3600
        recovers           = true
        statistic          = "Sum"
        threshold          = 1
      }
    },
  )

  # Alarms on the sum of several metrics.
  sum_alarms = merge(
    var.alarms.execution_failures == 0 ? {} : {
      executions = {
        description = "Many executions failed at once: look for a common cause. Single bad files alert one by one."
        dimensions  = { StateMachineArn = var.state_machine_arn }
        metrics     = ["ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"]
        namespace   = "AWS/States"
        period_s    = 900
        threshold   = var.alarms.execution_failures
      }
    },
    var.alarms.table_throttles == 0 ? {} : {
      table-throttles = {
        description = "DynamoDB throttled requests to ${var.table_name}."
        dimensions  = { TableName = var.table_name }
        metrics     = ["ReadThrottleEvents", "WriteThrottleEvents"]
        namespace   = "AWS/DynamoDB"
        period_s    = 300
        threshold   = var.alarms.table_throttles
      }
    },
  )

  alarm_arns  = [for alarm in local.alarm_names : "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${alarm}"]
  alarm_names = sort([for key in concat(keys(local.metric_alarms), keys(local.sum_alarms)) : "${var.name}-${replace(key, "_", "-")}"])
}

resource "aws_cloudwatch_metric_alarm" "metric" {
  for_each = local.metric_alarms

  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_actions       = [var.topic_arn]
  alarm_description   = each.value.description
  comparison_operator = each.value.comparison
  dimensions          = each.value.dimensions
  evaluation_periods  = each.value.evaluation_periods
  metric_name         = each.value.metric
  namespace           = each.value.namespace
  ok_actions          = each.value.recovers ? [var.topic_arn] : []
  period              = each.value.period_s
  statistic           = each.value.statistic
  tags                = var.tags
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
}

resource "aws_cloudwatch_metric_alarm" "sum" {
  for_each = local.sum_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_actions       = [var.topic_arn]
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 1
  tags                = var.tags
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "total"
    expression  = "SUM(METRICS())"
    label       = each.key
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = "m${metric_query.key}"

      metric {
        dimensions  = each.value.dimensions
        metric_name = metric_query.value
        namespace   = each.value.namespace
        period      = each.value.period_s
        stat        = "Sum"
      }
    }
  }
}

# A state to query. It sends no message, because every alarm in it sends its own.
resource "aws_cloudwatch_composite_alarm" "health" {
  count = var.health_alarm ? 1 : 0

  alarm_name        = "${var.name}-health"
  alarm_description = "At least one alarm of ${var.name} is active."
  alarm_rule        = join(" OR ", [for alarm in local.alarm_names : "ALARM(\"${alarm}\")"])
  tags              = var.tags

  # CloudWatch rejects a rule that names an alarm that does not exist.
  depends_on = [aws_cloudwatch_metric_alarm.metric, aws_cloudwatch_metric_alarm.sum]
}
