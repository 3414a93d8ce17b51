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

override_data {
  target = module.cost_report.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.dead_letter.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  monthly_budget_usd = 25
  name               = "impp-test"
  topic_arn          = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"

  catalog_table = {
    arn  = "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"
    name = "impp-test-catalog"
  }

  functions = {
    cost_report = { architecture = "arm64", bucket = "impp-test-code", description = "Cost_report.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
  }
}

run "the_budget_alerts_at_each_threshold_and_on_the_forecast" {
  command = plan

  assert {
    condition = toset([for notice in aws_budgets_budget.monthly.notification : "${notice.notification_type} ${notice.threshold} ${notice.threshold_type}"]) == toset([
      "ACTUAL 50 PERCENTAGE", "ACTUAL 80 PERCENTAGE", "ACTUAL 100 PERCENTAGE", "FORECASTED 100 PERCENTAGE",
    ])
    error_message = "There must be three thresholds for actual spend and one for the forecast."
  }

  assert {
    condition     = alltrue([for notice in aws_budgets_budget.monthly.notification : notice.subscriber_sns_topic_arns == toset([var.topic_arn])])
    error_message = "Each notification must reach the alert topic."
  }

  assert {
    condition     = aws_budgets_budget.monthly.limit_amount == "25" && aws_budgets_budget.monthly.time_unit == "MONTHLY"
    error_message = "The budget must be monthly and have the given amount."
  }

  assert {
    condition     = !aws_budgets_budget.monthly.cost_types[0].include_credit && !aws_budgets_budget.monthly.cost_types[0].include_refund
    error_message = "Credits must not hide usage."
  }
}

run "the_budget_can_filter_by_one_tag" {
  command = plan

  variables {
    budget = { cost_tag = { key = "Project", value = "impp" } }
  }

  assert {
    condition     = [for filter in aws_budgets_budget.monthly.cost_filter : [filter.name, filter.values[0]]] == [["TagKeyValue", "user:Project$impp"]]
    error_message = "The filter must have Budgets' format for user tags."
  }
}

run "no_monitor_and_no_subscription_by_default" {
  command = plan

  assert {
    condition     = length(aws_ce_anomaly_monitor.services) == 0 && length(aws_ce_anomaly_subscription.alerts) == 0 && output.anomaly_monitor_arn == null
    error_message = "The account may have the one monitor that AWS allows, so by default nothing may be created."
  }
}

run "anomalies_reach_the_topic_immediately" {
  command = plan

  variables {
    anomaly = { create_monitor = true }
  }

  assert {
    condition     = aws_ce_anomaly_monitor.services[0].monitor_dimension == "SERVICE" && aws_ce_anomaly_subscription.alerts[0].frequency == "IMMEDIATE"
    error_message = "Anomalies of services must alert immediately: SNS supports no other frequency."
  }

  assert {
    condition     = [for subscriber in aws_ce_anomaly_subscription.alerts[0].subscriber : [subscriber.type, subscriber.address]] == [["SNS", var.topic_arn]]
    error_message = "Anomalies must reach the alert topic."
  }
}

run "uses_an_existing_monitor" {
  command = plan

  variables {
    anomaly = { monitor_arn = "arn:aws:ce::123456789012:anomalymonitor/1", threshold_usd = 20 }
  }

  assert {
    condition     = length(aws_ce_anomaly_monitor.services) == 0 && aws_ce_anomaly_subscription.alerts[0].monitor_arn_list == tolist(["arn:aws:ce::123456789012:anomalymonitor/1"])
    error_message = "With an existing monitor only a subscription may be created."
  }

  assert {
    condition     = aws_ce_anomaly_subscription.alerts[0].threshold_expression[0].dimension[0].values == toset(["20"])
    error_message = "The threshold must be the given one."
  }
}

run "rejects_two_monitors" {
  command = plan

  variables {
    anomaly = { create_monitor = true, monitor_arn = "arn:aws:ce::123456789012:anomalymonitor/1" }
  }

  expect_failures = [var.anomaly]
}

run "rejects_a_monitor_that_is_no_arn" {
  command = plan

  variables {
    anomaly = { monitor_arn = "Default-Services-Monitor" }
  }

  expect_failures = [var.anomaly]
}

run "the_report_may_read_costs_and_spend_and_publish" {
  command = plan

  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.cost_report.json).Statement : statement.Action => statement.Resource } == {
      "ce:GetCostAndUsage" = "*"
      "dynamodb:GetItem"   = "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"
      "sns:Publish"        = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
    }
    error_message = "The report may use exactly three actions, the last two on one resource each."
  }

  assert {
    condition     = one([for statement in jsondecode(data.aws_iam_policy_document.cost_report.json).Statement : statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] if statement.Sid == "ReadMonthlySpend"]) == "SPEND#*"
    error_message = "The report may read only the monthly totals of the catalog."
  }
}

run "the_schedule_may_start_the_report_and_nothing_else" {
  command = plan

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.scheduler.policy).Statement : statement.Action => statement.Resource } == {
      "lambda:InvokeFunction" = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-cost-report"
      "sqs:SendMessage"       = "arn:aws:sqs:us-east-1:123456789012:impp-test-cost-report-dlq"
    }
    error_message = "The schedule may invoke one function and send to one queue."
  }

  assert {
    condition     = jsondecode(aws_iam_role.scheduler.assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:scheduler:us-east-1:123456789012:schedule-group/${aws_scheduler_schedule_group.reports.name}"
    error_message = "Only schedules of this group may assume the role."
  }

  assert {
    condition     = aws_scheduler_schedule.cost_report.schedule_expression == "cron(0 7 * * ? *)" && aws_scheduler_schedule.cost_report.target[0].retry_policy[0].maximum_retry_attempts == 5
    error_message = "The report must be daily and retried."
  }
}

run "rejects_a_build_without_its_function" {
  command = plan
  variables {
    functions = {}
  }
  expect_failures = [var.functions]
}

run "rejects_malformed_budgets_thresholds_and_schedules" {
  command = plan

  variables {
    anomaly            = { threshold_usd = 0 }
    budget             = { actual_percent = [] }
    monthly_budget_usd = 0
    schedule           = { expression = "daily" }
    topic_arn          = "impp-test-alerts"
  }

  expect_failures = [var.anomaly, var.budget, var.monthly_budget_usd, var.schedule, var.topic_arn]
}

run "rejects_a_threshold_above_aws_budgets_limit" {
  command = plan

  variables {
    budget = { forecast_percent = 1001 }
  }

  expect_failures = [var.budget]
}

run "rejects_roles_and_thresholds_beyond_a_budget_action_s_limits" {
  command = plan
  variables {
    stop = { percent = 0, role_names = [] }
  }
  expect_failures = [var.stop]
}
