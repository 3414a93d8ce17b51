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
  target = module.dead_letter.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.notifier.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  emails      = ["ops@example.org"]
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  name        = "impp-test"
  functions = {
    notifier = { architecture = "arm64", bucket = "impp-test-code", description = "Notifier.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
  }
}

run "only_this_account_and_its_services_publish" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(aws_sns_topic.alerts.policy).Statement : statement.Sid => try(statement.Condition.StringEquals["aws:SourceAccount"], "any source")
      if statement.Effect == "Allow" && can(statement.Principal.Service)
      } == {
      Alarms        = "123456789012"
      Budgets       = "123456789012"
      CostAnomalies = "123456789012"
      Events        = "any source" # EventBridge passes no source to SNS: a condition would drop every event
    }
    error_message = "Each service that passes an account may publish on behalf of this account only."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_sns_topic.alerts.policy).Statement : statement.Sid => statement.Condition.ArnLike["aws:SourceArn"]
      if can(statement.Condition.ArnLike)
      } == {
      Alarms  = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"
      Budgets = "arn:aws:budgets::123456789012:*"
    }
    error_message = "Alarms and budgets must be this account's."
  }

  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_sns_topic.alerts.policy).Statement : statement.Resource])) == toset(["arn:aws:sns:us-east-1:123456789012:impp-test-alerts"])
    error_message = "The topic's policy must name this topic only."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_sns_topic.alerts.policy).Statement : statement.Effect == "Deny" || statement.Principal != "*"])
    error_message = "The policy must allow nothing to everybody."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_sns_topic.alerts.policy).Statement : statement.Condition.Bool["aws:SecureTransport"] if statement.Effect == "Deny"]) == "false"
    error_message = "Publishing without TLS must be denied."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_sns_topic.fallback.policy).Statement : statement.Sid]) == toset(["Alarms", "RefuseWithoutTls"])
    error_message = "Only alarms publish to the fallback topic."
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic.muted.policy).Statement : statement.Sid] == ["RefuseWithoutTls"]
    error_message = "No service publishes to the topic of muted alerts."
  }
}

run "topics_and_secret_use_the_key" {
  command = plan

  assert {
    condition = alltrue([
      aws_sns_topic.alerts.kms_master_key_id == var.kms_key_arn,
      aws_sns_topic.fallback.kms_master_key_id == var.kms_key_arn,
      aws_secretsmanager_secret.webhooks.kms_key_id == var.kms_key_arn,
    ])
    error_message = "Topics and secret must use the customer managed key."
  }
}

run "the_notifier_may_read_its_secret_only" {
  command = plan

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.notifier.json).Statement : [statement.Action, statement.Resource]] == [
      ["secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:impp-test-webhooks-??????"],
    ]
    error_message = "The notifier's own policy must allow reading one secret."
  }

  assert {
    condition     = aws_lambda_permission.topic.source_arn == output.topic_arn && aws_lambda_permission.topic.source_account == null
    error_message = "Only the alert topic may invoke the notifier, by its ARN only: SNS need not pass an account."
  }
}

run "undelivered_alerts_are_kept_and_raise_an_alarm" {
  command = plan

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.notifier.redrive_policy).deadLetterTargetArn == "arn:aws:sqs:us-east-1:123456789012:impp-test-alerts-dlq"
    error_message = "SNS must keep what it could not deliver in the dead-letter queue."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.undelivered.dimensions["QueueName"] == "impp-test-alerts-dlq" && aws_cloudwatch_metric_alarm.undelivered.threshold == 0
    error_message = "The first undelivered alert must raise the alarm."
  }

  assert {
    condition     = toset([for subscription in aws_sns_topic_subscription.fallback_email : "${subscription.protocol} ${subscription.endpoint}"]) == toset(["email ops@example.org"])
    error_message = "The fallback topic must reach people by e-mail, without the notifier."
  }
}

run "webhooks_stay_out_of_the_plan" {
  command = plan

  variables {
    webhooks         = { slack = ["https://hooks.slack.com/services/T0/B0/secret"] }
    webhooks_version = 2
  }

  assert {
    condition     = aws_secretsmanager_secret_version.webhooks.secret_string == null && aws_secretsmanager_secret_version.webhooks.secret_string_wo_version == 2
    error_message = "Webhooks must be written through the write-only argument only."
  }
}

run "rejects_a_build_without_its_function" {
  command = plan
  variables {
    functions = {}
  }
  expect_failures = [var.functions]
}

run "rejects_a_channel_that_the_notifier_does_not_know" {
  command = plan

  variables {
    webhooks = { pager = ["https://pager.example.org/x"] }
  }

  expect_failures = [var.webhooks]
}

run "rejects_addresses_without_https_or_domain" {
  command = plan

  variables {
    emails           = ["ops at example.org"]
    webhooks         = { discord = ["http://discord.com/api/webhooks/1/x"] }
    webhooks_version = 0
  }

  expect_failures = [var.emails, var.webhooks, var.webhooks_version]
}

run "rejects_a_malformed_name_and_key" {
  command = plan

  variables {
    kms_key_arn = "alias/impp-test"
    name        = "IMPP test"
  }

  expect_failures = [var.kms_key_arn, var.name]
}
