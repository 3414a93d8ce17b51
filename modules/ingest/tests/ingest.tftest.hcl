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

variables {
  name              = "impp-test"
  bucket_name       = "impp-test-123456789012-ingest"
  kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  state_machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
}

run "matches_every_kind_of_upload" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.created.event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["impp-test-123456789012-ingest"] }
        object = { key = [{ prefix = "originals/" }] }
      }
    }
    error_message = "The rule must match new objects below originals/, multipart uploads and copies too."
  }
}

run "sidecars_start_nothing" {
  command = plan

  assert {
    condition = alltrue([
      for condition in jsondecode(aws_cloudwatch_event_rule.created.event_pattern).detail.object.key :
      !startswith("sidecars/dashcam/blue-car/2026/11/22/20261122_081500/20261122_081500_NF.gps", condition.prefix)
    ])
    error_message = "Sidecars must not start an execution."
  }
}

run "retries_events_then_keeps_them" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_event_target.state_machine.arn == var.state_machine_arn
      && aws_cloudwatch_event_target.state_machine.dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:impp-test-ingest-dlq"
      && aws_cloudwatch_event_target.state_machine.retry_policy[0].maximum_event_age_in_seconds == 86400
    )
    error_message = "Events must be retried for a day, then kept."
  }
}

run "may_start_this_state_machine_only" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.start.json).Statement : [statement.Action, statement.Resource]
    ] == [["states:StartExecution", var.state_machine_arn]]
    error_message = "The role may start this state machine, and nothing else."
  }
  assert {
    condition     = strcontains(data.aws_iam_policy_document.trust.json, "rule/impp-test-object-created")
    error_message = "Only this rule may use the role."
  }
}

run "rejects_the_arn_of_anything_but_a_state_machine" {
  command = plan
  variables {
    state_machine_arn = "arn:aws:lambda:us-east-1:123456789012:function:x"
  }
  expect_failures = [var.state_machine_arn]
}

run "rejects_malformed_values" {
  command = plan
  variables {
    kms_key_arn = "alias/key"
    name        = "IMPP"
    prefix      = "originals"
  }
  expect_failures = [var.kms_key_arn, var.name, var.prefix]
}
