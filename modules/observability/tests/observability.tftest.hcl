provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  distribution_id        = "E1TEST"
  mediaconvert_queue_arn = "arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"
  name                   = "impp-test"
  originals_bucket_name  = "impp-test-123456789012-ingest"
  state_machine_arn      = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
  table_name             = "impp-test-catalog"
  topic_arn              = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"

  dead_letter_queue_names = {
    cost_report = "impp-test-cost-report-dlq"
    ingest      = "impp-test-ingest-dlq"
  }

  functions = {
    cost_report = { log_group_name = "/aws/lambda/impp-test-cost-report", name = "impp-test-cost-report" }
    inspect     = { log_group_name = "/aws/lambda/impp-test-inspect", name = "impp-test-inspect" }
  }

  rule_names = { ingest = "impp-test-object-created" }
}

run "everything_that_can_fail_has_an_alarm" {
  command = plan

  assert {
    condition = output.alarm_names == tolist([
      "impp-test-dead-letters-age-cost-report",
      "impp-test-dead-letters-age-ingest",
      "impp-test-dead-letters-cost-report",
      "impp-test-dead-letters-ingest",
      "impp-test-events-lost-ingest",
      "impp-test-executions",
      "impp-test-function-errors-cost-report",
      "impp-test-function-errors-inspect",
      "impp-test-function-throttles-cost-report",
      "impp-test-function-throttles-inspect",
      "impp-test-table-throttles",
    ])
    error_message = "Executions, functions, queues, rules and the table must each have their alarms."
  }

  assert {
    condition     = toset(output.alarm_names) == toset(concat(values(aws_cloudwatch_metric_alarm.metric)[*].alarm_name, values(aws_cloudwatch_metric_alarm.sum)[*].alarm_name))
    error_message = "The output must contain the names of all alarms."
  }

  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.metric), values(aws_cloudwatch_metric_alarm.sum)) : alarm.alarm_actions == toset([var.topic_arn])])
    error_message = "Every alarm must publish to the topic."
  }

  assert {
    condition     = { for key, alarm in aws_cloudwatch_metric_alarm.metric : key => one(values(alarm.dimensions)) if startswith(key, "function-errors") } == { function-errors-cost_report = "impp-test-cost-report", function-errors-inspect = "impp-test-inspect" }
    error_message = "Each alarm must watch its own function."
  }

  assert {
    condition     = toset([for key, alarm in aws_cloudwatch_metric_alarm.metric : key if try(length(alarm.ok_actions), 0) > 0]) == toset(["dead-letters-cost_report", "dead-letters-ingest"])
    error_message = "Only alarms on lasting states may announce recovery."
  }
}

run "sum_alarms_count_every_failure" {
  command = plan

  assert {
    condition = toset(flatten([for query in aws_cloudwatch_metric_alarm.sum["executions"].metric_query : query.metric[*].metric_name])) == toset([
      "ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut",
    ])
    error_message = "Failed, timed out and aborted executions must all count."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.sum["executions"].metric_query : query.expression if query.return_data == true] == ["SUM(METRICS())"]
    error_message = "One expression must return the sum."
  }
}

run "a_threshold_of_0_disables_an_alarm" {
  command = plan

  variables {
    alarms = { dead_letter_age_hours = 0, execution_failures = 0, function_errors = 0, function_throttles = 0, table_throttles = 0 }
  }

  assert {
    condition     = output.alarm_names == tolist(["impp-test-dead-letters-cost-report", "impp-test-dead-letters-ingest", "impp-test-events-lost-ingest"])
    error_message = "Only the alarms on loss must remain."
  }
}

run "quiet_hours_raise_an_alarm" {
  command = plan

  variables {
    alarms = { quiet_hours = 48 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["quiet"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.metric["quiet"].evaluation_periods == 48 && aws_cloudwatch_metric_alarm.metric["quiet"].period == 3600
    error_message = "Missing data for two days must raise the alarm."
  }
}

run "a_silent_edge_box_raises_an_alarm" {
  command = plan

  variables {
    edge_devices = {
      blue-car = {}
      garage   = { oldest_waiting_hours = 36, silent_hours = 168 }
    }
  }

  assert {
    condition = {
      for key, alarm in aws_cloudwatch_metric_alarm.metric : key => join(" ", [
        alarm.metric_name, alarm.dimensions.Device, alarm.statistic, alarm.comparison_operator, alarm.threshold,
        alarm.evaluation_periods, alarm.period, alarm.treat_missing_data, alarm.namespace,
      ]) if startswith(key, "edge-")
      } == {
      edge-silent-blue-car = "Heartbeat blue-car Sum LessThanThreshold 1 24 3600 breaching IMPP/Edge"
      edge-silent-garage   = "Heartbeat garage Sum LessThanThreshold 1 168 3600 breaching IMPP/Edge"
      edge-waiting-garage  = "OldestWaitingSeconds garage Maximum GreaterThanOrEqualToThreshold 129600 1 3600 notBreaching IMPP/Edge"
    }
    error_message = "Missing heartbeats must raise an alarm, and so must a waiting file where configured."
  }

  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.metric : alarm.ok_actions == toset([var.topic_arn]) if startswith(key, "edge-")])
    error_message = "The return of a box must be announced."
  }

  assert {
    condition = toset(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [for metric in widget.properties.metrics : "${metric[1]} ${metric[3]}"]
      if widget.type == "metric" && startswith(widget.properties.title, "Edge: ")
      ])) == toset([
      for pair in setproduct(["Heartbeat", "OldestWaitingSeconds", "Waiting"], ["blue-car", "garage"]) : join(" ", pair)
    ])
    error_message = "The dashboard must show the waiting files of each edge box and their age."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x},${widget.y}"])) == length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets)
    error_message = "Widgets must not overlap."
  }
}

run "rejects_silent_hours_beyond_cloudwatch_limits" {
  command = plan

  variables {
    edge_devices = { blue-car = { silent_hours = 169 } }
  }

  expect_failures = [var.edge_devices]
}

run "rejects_negative_waiting_hours" {
  command = plan

  variables {
    edge_devices = { blue-car = { oldest_waiting_hours = -1 } }
  }

  expect_failures = [var.edge_devices]
}

run "rejects_device_names_that_no_object_key_has" {
  command = plan

  variables {
    edge_devices = { "Blue Car" = {} }
  }

  expect_failures = [var.edge_devices]
}

run "hourly_spend_raises_an_alarm" {
  command = plan

  variables {
    alarms = { hourly_spend_usd = 2.5 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["spend"].threshold == 2.5 && aws_cloudwatch_metric_alarm.metric["spend"].period == 3600 && aws_cloudwatch_metric_alarm.metric["spend"].dimensions == tomap({ Pipeline = "impp-test" })
    error_message = "The alarm must use the ledger's metric with a period of an hour."
  }
}

run "health_alarm_combines_all_alarms" {
  command = plan

  variables {
    health_alarm = true
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.health[0].alarm_rule == join(" OR ", [for alarm in output.alarm_names : "ALARM(\"${alarm}\")"])
    error_message = "The composite alarm must include every alarm."
  }

  assert {
    condition     = try(length(aws_cloudwatch_composite_alarm.health[0].alarm_actions), 0) == 0
    error_message = "The composite alarm must send no message."
  }
}

run "the_dashboard_shows_processing_and_cost" {
  command = plan

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24])
    error_message = "Widgets must fit CloudWatch's grid, which is 24 wide."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x},${widget.y}"])) == length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets)
    error_message = "Widgets must not overlap."
  }

  assert {
    condition = length(setsubtract([
      "AWS/Billing", "AWS/CloudFront", "AWS/DynamoDB", "AWS/Lambda", "AWS/MediaConvert", "AWS/Rekognition", "AWS/S3", "AWS/SQS", "AWS/States", "IMPP",
    ], [for match in regexall("AWS/[A-Za-z0-9]+|IMPP", aws_cloudwatch_dashboard.this.dashboard_body) : match])) == 0
    error_message = "The dashboard must show each service in use."
  }

  assert {
    condition     = flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.alarms if widget.type == "alarm"]) == [for alarm in output.alarm_names : "arn:aws:cloudwatch:us-east-1:123456789012:alarm:${alarm}"]
    error_message = "The dashboard must show all alarms."
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.region == "us-east-1" if widget.type == "metric"])
    error_message = "Each graph must name its region."
  }
}

run "the_dashboard_omits_missing_resources" {
  command = plan

  variables {
    distribution_id        = null
    mediaconvert_queue_arn = null
    originals_bucket_name  = null
  }

  assert {
    condition     = length(regexall("AWS/(CloudFront|MediaConvert|S3)|IMPP/Edge", aws_cloudwatch_dashboard.this.dashboard_body)) == 0
    error_message = "The dashboard must omit graphs of resources that do not exist."
  }
}

run "queries_search_every_log_group" {
  command = plan

  assert {
    condition     = toset(values(aws_cloudwatch_query_definition.this)[*].name) == toset(["impp-test/asset", "impp-test/cost", "impp-test/duration", "impp-test/errors"])
    error_message = "Saved queries must be below the pipeline's name."
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_query_definition.this : query.log_group_names == tolist(["/aws/lambda/impp-test-cost-report", "/aws/lambda/impp-test-inspect"])])
    error_message = "Queries must search every function's log group."
  }
}

run "creates_a_trace_group" {
  command = plan

  variables {
    tracing_group = true
  }

  assert {
    condition     = aws_xray_group.pipeline[0].filter_expression == "service(id(name: \"impp-test-pipeline\", type: \"AWS::StepFunctions::StateMachine\"))"
    error_message = "The group must contain the state machine's traces."
  }
}

run "rejects_malformed_thresholds_and_topics" {
  command = plan

  variables {
    alarms    = { function_errors = -1, quiet_hours = 169 }
    topic_arn = "impp-test-alerts"
  }

  expect_failures = [var.alarms, var.topic_arn]
}
