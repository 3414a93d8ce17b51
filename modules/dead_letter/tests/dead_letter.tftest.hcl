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
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  name        = "impp-test-ingest-dlq"
}

run "messages_are_encrypted_and_kept_for_14_days" {
  command = plan

  assert {
    condition = (
      aws_sqs_queue.this.kms_master_key_id == var.kms_key_arn
      && aws_sqs_queue.this.message_retention_seconds == 14 * 24 * 3600
    )
    error_message = "The queue must be encrypted and keep messages as long as SQS can."
  }
  assert {
    condition     = output.arn == "arn:aws:sqs:us-east-1:123456789012:impp-test-ingest-dlq" && output.name == "impp-test-ingest-dlq"
    error_message = "Name and ARN must be known at plan."
  }
}

run "each_sender_may_send_for_its_own_resource_only" {
  command = plan

  variables {
    senders = {
      KeepEvents = {
        service    = "events.amazonaws.com"
        source_arn = "arn:aws:events:us-east-1:123456789012:rule/impp-test-object-created"
      }
      KeepMessages = {
        service    = "sns.amazonaws.com"
        source_arn = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
      }
    }
  }

  assert {
    condition = {
      for statement in jsondecode(aws_sqs_queue.this.policy).Statement :
      statement.Sid => [statement.Effect, statement.Action, statement.Resource, statement.Principal, statement.Condition]
      } == {
      KeepEvents = [
        "Allow",
        "sqs:SendMessage",
        "arn:aws:sqs:us-east-1:123456789012:impp-test-ingest-dlq",
        { Service = "events.amazonaws.com" },
        { ArnEquals = { "aws:SourceArn" = "arn:aws:events:us-east-1:123456789012:rule/impp-test-object-created" } },
      ]
      KeepMessages = [
        "Allow",
        "sqs:SendMessage",
        "arn:aws:sqs:us-east-1:123456789012:impp-test-ingest-dlq",
        { Service = "sns.amazonaws.com" },
        { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts" } },
      ]
    }
    error_message = "Each sender must be allowed to send to this queue, on behalf of its own resource only."
  }
}

run "without_senders_there_is_no_policy" {
  command = plan

  assert {
    condition     = length(data.aws_iam_policy_document.senders) == 0
    error_message = "A queue without senders must be reachable through IAM only."
  }
}

run "rejects_a_malformed_name_and_key" {
  command = plan
  variables {
    kms_key_arn = "alias/key"
    name        = "impp-test.fifo"
  }
  expect_failures = [var.kms_key_arn, var.name]
}

run "rejects_a_statement_id_with_other_characters" {
  command = plan
  variables {
    senders = { "keep-events" = { service = "events.amazonaws.com", source_arn = "arn:aws:events:us-east-1:123456789012:rule/x" } }
  }
  expect_failures = [var.senders]
}

run "rejects_a_sender_that_is_not_a_service" {
  command = plan
  variables {
    senders = { KeepEvents = { service = "123456789012", source_arn = "arn:aws:events:us-east-1:123456789012:rule/x" } }
  }
  expect_failures = [var.senders]
}

run "rejects_a_wildcard_source" {
  command = plan
  variables {
    senders = { KeepEvents = { service = "events.amazonaws.com", source_arn = "arn:aws:events:us-east-1:123456789012:rule/*" } }
  }
  expect_failures = [var.senders]
}
