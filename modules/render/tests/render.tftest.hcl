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
  target = module.function["render"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["rendered"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["restore"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

# With everything known the provider would ask AWS itself to check the definition; what is planned stays the same.
override_resource {
  target = aws_sfn_state_machine.this
}

variables {
  name               = "impp-test"
  alert_topic_arn    = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
  buckets            = { delivery = "impp-test-delivery", ingest = "impp-test-ingest" }
  catalog_table_name = "impp-test-catalog"
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  settings           = { monthly_budget_usd = 20 }

  functions = {
    render   = { architecture = "arm64", bucket = "impp-test-code", description = "Render.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    rendered = { architecture = "arm64", bucket = "impp-test-code", description = "Rendered.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    restore  = { architecture = "arm64", bucket = "impp-test-code", description = "Restore.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    sample   = { architecture = "arm64", bucket = "impp-test-code", description = "Sample.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
  }

  transcode = {
    queue_arn = "arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"
    role_arn  = "arn:aws:iam::123456789012:role/impp-test-mediaconvert"
  }
}

run "a_request_starts_an_execution_and_events_start_functions" {
  command = plan

  assert {
    condition = (
      aws_sfn_state_machine.this.type == "STANDARD"
      && aws_sfn_state_machine.this.encryption_configuration[0].type == "CUSTOMER_MANAGED_KMS_KEY"
      && jsondecode(aws_sfn_state_machine.this.definition).States.Prepare.TimeoutSeconds == 70
    )
    error_message = "The definition must be filled in and encrypted, and its states must outlast their functions."
  }
  assert {
    condition     = toset(keys(module.function)) == toset(["render", "rendered", "restore"])
    error_message = "The module must deploy its own functions and no others."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["requested"].event_pattern) == { source = ["impp-test"], detail-type = ["Render requested"] }
    error_message = "Requests must be this environment's own events: another one's would spend its budget."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["restored"].event_pattern).detail.bucket.name == ["impp-test-ingest"]
    error_message = "Only originals of this bucket may resume executions."
  }
  assert {
    condition     = { for key, target in aws_cloudwatch_event_target.function : key => target.target_id } == { restored = "restore", unrendered = "rendered" }
    error_message = "A restored original must resume its executions, and one that died must be cleaned up after."
  }
}

run "roles_may_do_exactly_this" {
  command = plan

  assert {
    condition = jsonencode({
      for name, document in data.aws_iam_policy_document.function : name => {
        for statement in jsondecode(document.json).Statement : statement.Sid => sort(flatten([statement.Action]))
      }
      }) == jsonencode({
      render = {
        FindOriginals   = ["s3:ListBucket"]
        LookAtOriginals = ["s3:GetObject", "s3:GetObjectVersion"]
        UseCatalog      = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      }
      rendered = {
        Alert                  = ["sns:Publish"]
        FindDelivered          = ["s3:ListBucket"]
        ReadDelivered          = ["s3:GetObject"]
        UseCatalog             = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
        WriteManifestsAndIndex = ["s3:GetObject", "s3:PutObject"]
      }
      restore = {
        AnswerTasks      = ["states:SendTaskSuccess"]
        FindOriginals    = ["s3:ListBucket"]
        KeepTokens       = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
        RestoreOriginals = ["s3:GetObject", "s3:GetObjectVersion", "s3:RestoreObject"]
      }
    })
    error_message = "The functions must be allowed exactly these actions."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function["rendered"].json).Statement :
      toset(statement.Resource) if statement.Sid == "WriteManifestsAndIndex"
    ]) == toset([for key in ["assets/*/hls/*.m3u8", "assets/*/manifest.json", "index/*"] : "arn:aws:s3:::impp-test-delivery/${key}"])
    error_message = "rendered writes playlists, manifests and the index: no film."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.state_machine.json).Statement :
      contains(["DeliverLogs", "SendTraces"], statement.Sid) || !contains(flatten([statement.Resource]), "*")
    ])
    error_message = "Only log delivery and tracing may use *."
  }
}

run "the_build_must_have_the_functions" {
  command = plan

  variables {
    functions = {}
  }

  expect_failures = [var.functions]
}
