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
  name = "impp-test"
}

run "rotates_and_can_be_restored_for_30_days" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate and have a deletion window of 30 days."
  }
  assert {
    condition     = aws_kms_alias.this.name == "alias/impp-test"
    error_message = "The alias must be the environment's name."
  }
}

run "services_may_act_for_this_account_only" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      contains(keys(statement), "Condition") if !contains(["AccountAdministersThroughIam", "EventsFromEventBridge"], statement.Sid)
    ])
    error_message = "Every grant must have a condition, except the account's and EventBridge's, which passes no source."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      strcontains(jsonencode(statement.Condition), "123456789012") if contains(keys(statement), "Condition")
    ])
    error_message = "Every condition must name this account."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      !strcontains(jsonencode(statement.Action), "*") if statement.Sid != "AccountAdministersThroughIam"
    ])
    error_message = "Services must have exact actions."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      [statement.Principal.Service, lookup(statement, "Condition", null)] if statement.Sid == "EventsFromEventBridge"
    ] == [["events.amazonaws.com", null]]
    error_message = "A condition on EventBridge's source would silently drop every event for an encrypted topic or queue."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      statement.Condition if contains(flatten([try(statement.Principal.Service, [])]), "sns.amazonaws.com")
    ] == [{ ArnLike = { "aws:SourceArn" = "arn:aws:sns:us-east-1:123456789012:*" } }]
    error_message = "SNS must be restricted to its topics, whose ARN it passes."
  }
}

run "reading_services_may_not_encrypt" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      statement.Action == "kms:Decrypt"
      if contains(["DistributionsReadDelivery", "LogDeliveryOfStateMachines", "MacieReadsForItsFindings"], statement.Sid)
    ])
    error_message = "CloudFront, log delivery and Macie may only decrypt."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      statement.Principal.Service if statement.Sid == "LogGroupsOfTheAccount"
    ] == ["logs.us-east-1.amazonaws.com"]
    error_message = "CloudWatch Logs of this region must be able to use the key."
  }
}

run "only_macies_own_role_may_decrypt_without_an_iam_policy" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      [statement.Principal, statement.Condition] if statement.Sid == "MacieReadsForItsFindings"
      ] == [[{ AWS   = "*" }, {
        ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie" }
        StringEquals = { "kms:CallerAccount" = "123456789012" }
    }]]
    error_message = "The account as principal would only delegate to IAM, where Macie's role has no KMS action."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      statement.Sid if strcontains(jsonencode(statement.Principal), "*")
    ] == ["MacieReadsForItsFindings"]
    error_message = "No other statement may have everybody as principal."
  }
}

run "rejects_a_malformed_name" {
  command = plan
  variables {
    name = "Impp Test"
  }
  expect_failures = [var.name]
}

run "rejects_a_short_deletion_window" {
  command = plan
  variables {
    deletion_window_days = 1
  }
  expect_failures = [var.deletion_window_days]
}
