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
  target = module.function.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name               = "impp-test"
  alert_topic_arn    = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
  buckets            = { delivery = "impp-test-delivery", ingest = "impp-test-ingest", work = "impp-test-work" }
  catalog_table_name = "impp-test-catalog"
  distribution       = { domain = "d111.cloudfront.net", id = "E111" }
  functions          = { actions = { architecture = "arm64", bucket = "impp-test-code", description = "Actions.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 } }
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  settings           = { monthly_budget_usd = 20, renders = true }
  state_machine_arn  = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
}

run "its_role_may_do_exactly_this" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement :
      statement.Sid => [sort(flatten([statement.Action])), sort(flatten([statement.Resource]))]
      }) == jsonencode({
      Alert                   = [["sns:Publish"], ["arn:aws:sns:us-east-1:123456789012:impp-test-alerts"]]
      EraseOriginals          = [["s3:DeleteObjectVersion"], ["arn:aws:s3:::impp-test-ingest/originals/*", "arn:aws:s3:::impp-test-ingest/sidecars/*"]]
      EraseWhatWasMade        = [["s3:DeleteObject"], ["arn:aws:s3:::impp-test-delivery/assets/*", "arn:aws:s3:::impp-test-work/work/*"]]
      FindObjects             = [["s3:ListBucket"], ["arn:aws:s3:::impp-test-delivery", "arn:aws:s3:::impp-test-ingest", "arn:aws:s3:::impp-test-work"]]
      FindVersions            = [["s3:ListBucketVersions"], ["arn:aws:s3:::impp-test-ingest"]]
      LookAtSidecars          = [["s3:GetObject", "s3:GetObjectVersion"], ["arn:aws:s3:::impp-test-ingest/sidecars/*"]]
      ReadDelivered           = [["s3:GetObject"], ["arn:aws:s3:::impp-test-delivery/assets/*"]]
      Replay                  = [["states:StartExecution"], ["arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"]]
      RequestRenditions       = [["events:PutEvents"], ["arn:aws:events:us-east-1:123456789012:event-bus/default"]]
      RestoreAndHoldOriginals = [["s3:GetObject", "s3:GetObjectLegalHold", "s3:GetObjectVersion", "s3:PutObjectLegalHold", "s3:RestoreObject"], ["arn:aws:s3:::impp-test-ingest/originals/*"]]
      UseCatalog              = [["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], ["arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"]]
      WriteManifestsAndIndex  = [["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::impp-test-delivery/assets/*/manifest.json", "arn:aws:s3:::impp-test-delivery/index/*"]]
    })
    error_message = "The function must be allowed exactly these actions, on these resources."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement : statement.Condition if statement.Sid == "RequestRenditions"
    ]) == { StringEquals = { "events:source" = "impp-test", "events:detail-type" = "Render requested" } }
    error_message = "It may send no other event."
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.invalidate[0].json).Statement[0].Resource == "arn:aws:cloudfront::123456789012:distribution/E111"
    error_message = "It may invalidate files of its own distribution only."
  }
}

run "restored_originals_of_its_own_bucket_reach_it" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.restored.event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Restore Completed"]
      detail      = { bucket = { name = ["impp-test-ingest"] } }
    }
    error_message = "Only originals that were restored may start it."
  }
}

run "without_a_distribution_it_invalidates_nothing" {
  command = plan

  variables {
    distribution = null
  }

  assert {
    condition     = length(aws_iam_role_policy.invalidate) == 0
    error_message = "There must be no policy for a distribution that does not exist."
  }
}

run "the_build_must_have_the_function" {
  command = plan

  variables {
    functions = {}
  }

  expect_failures = [var.functions]
}
