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
  target = module.function["archive"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.started["failure"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["inspect"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["publish"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["quarantine"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

# With everything known the provider would ask AWS itself to check the definition; what is planned stays the same.
override_resource {
  target = aws_sfn_state_machine.this
}

variables {
  name            = "impp-test"
  alert_topic_arn = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
  muted_topic_arn = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts-muted"
  buckets         = { delivery = "impp-test-delivery", ingest = "impp-test-ingest", work = "impp-test-work" }
  definition_path = "tests/fixtures/definition.json"
  detectors       = ["faces", "labels", "text"]
  kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  settings        = { delivery_domain = "d111111abcdef8.cloudfront.net", monthly_budget_usd = 20 }

  functions = {
    archive    = { architecture = "arm64", bucket = "impp-test-code", description = "Archive.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    failure    = { architecture = "arm64", bucket = "impp-test-code", description = "Failure.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    inspect    = { architecture = "arm64", bucket = "impp-test-code", description = "Inspect.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 512, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    publish    = { architecture = "arm64", bucket = "impp-test-code", description = "Publish.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    quarantine = { architecture = "arm64", bucket = "impp-test-code", description = "Quarantine.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
  }

  task_function_arns = {
    analyze    = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-analyze"
    sample     = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-sample"
    transcribe = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-transcribe"
  }

  transcode = {
    queue_arn = "arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"
    role_arn  = "arn:aws:iam::123456789012:role/impp-test-mediaconvert"
  }
}

run "fills_in_the_definition" {
  command = plan

  assert {
    condition = jsondecode(aws_sfn_state_machine.this.definition) == {
      alert      = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
      analyze    = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-analyze"
      archive    = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-archive"
      catalog    = "impp-test-catalog"
      inspect    = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-inspect"
      muted      = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts-muted"
      publish    = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-publish"
      quarantine = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-quarantine"
      queue      = "arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"
      role       = "arn:aws:iam::123456789012:role/impp-test-mediaconvert"
      sample     = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-sample"
      to         = "impp-test-delivery"
      transcribe = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-transcribe"
      work       = "impp-test-work"
    }
    error_message = "Every placeholder of the definition must be filled in, and known at plan."
  }
  assert {
    condition = (
      aws_sfn_state_machine.this.type == "STANDARD"
      && aws_sfn_state_machine.this.tracing_configuration[0].enabled
      && aws_sfn_state_machine.this.logging_configuration[0].level == "ERROR"
      && aws_sfn_state_machine.this.encryption_configuration[0].type == "CUSTOMER_MANAGED_KMS_KEY"
      && aws_cloudwatch_log_group.state_machine.retention_in_days == 30
      && aws_cloudwatch_log_group.state_machine.kms_key_id == var.kms_key_arn
    )
    error_message = "Executions must be durable, traced, logged and encrypted."
  }
}

run "the_state_machine_may_do_exactly_this" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.state_machine.json).Statement :
      statement.Sid => sort(flatten([statement.Action]))
      }) == jsonencode({
      Alert                  = ["sns:Publish"]
      CallFunctions          = ["lambda:InvokeFunction"]
      Claim                  = ["dynamodb:PutItem"]
      DeliverLogs            = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"]
      FollowTranscoding      = ["mediaconvert:CancelJob", "mediaconvert:GetJob"]
      HearOfTranscoding      = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      LendTheTranscodingRole = ["iam:PassRole"]
      LookAtTranscription    = ["transcribe:GetTranscriptionJob"]
      SendTraces             = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      StartTranscoding       = ["mediaconvert:CreateJob"]
      TagTranscoding         = ["mediaconvert:TagResource"]
    })
    error_message = "The state machine's role must allow exactly these actions."
  }
  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.state_machine.json).Statement :
      statement.Sid => sort(flatten([statement.Resource])) if !contains(["DeliverLogs", "SendTraces"], statement.Sid)
      }) == jsonencode({
      Alert                  = ["arn:aws:sns:us-east-1:123456789012:impp-test-alerts", "arn:aws:sns:us-east-1:123456789012:impp-test-alerts-muted"]
      CallFunctions          = [for name in ["analyze", "archive", "inspect", "publish", "quarantine", "sample", "transcribe"] : "arn:aws:lambda:us-east-1:123456789012:function:impp-test-${name}"]
      Claim                  = ["arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"]
      FollowTranscoding      = ["arn:aws:mediaconvert:us-east-1:123456789012:jobs/*"]
      HearOfTranscoding      = ["arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForMediaConvertJobRule"]
      LendTheTranscodingRole = ["arn:aws:iam::123456789012:role/impp-test-mediaconvert"]
      LookAtTranscription    = ["arn:aws:transcribe:us-east-1:123456789012:transcription-job/impp-*"]
      StartTranscoding       = ["arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"]
      TagTranscoding         = ["arn:aws:mediaconvert:us-east-1:123456789012:jobs/*", "arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"]
    })
    error_message = "The role must name exactly these resources: only log delivery and tracing may use *."
  }
  assert {
    condition = one([for statement in jsondecode(data.aws_iam_policy_document.state_machine.json).Statement : statement.Condition if statement.Sid == "Claim"]) == {
      "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "CLAIM#*" }
    }
    error_message = "The state machine may write claims and nothing else of the catalog."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.state_machine.json).Statement :
      statement.Condition if statement.Sid == "LendTheTranscodingRole"
    ]) == { StringEquals = { "iam:PassedToService" = "mediaconvert.amazonaws.com" } }
    error_message = "The role may be passed to MediaConvert only."
  }
}

run "each_function_may_do_exactly_this" {
  command = plan

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.function :
      name => jsondecode(document.json).Statement[*].Sid
      } == {
      archive    = ["FindOriginals", "TagOriginals"]
      failure    = ["Alert", "FindDelivered", "FindOriginals", "ReadExecutions", "TagOriginals", "UseCatalog", "WriteIndex"]
      inspect    = ["CopyOriginals", "FindOriginals", "ProbeMedia", "ReadCalibration", "TagOriginals", "UseCatalog"]
      publish    = ["Calibrate", "FindDelivered", "FindOriginals", "FindWork", "ReadDelivered", "ReadWork", "TagOriginals", "UseCatalog", "WriteDelivered", "WriteIndex"]
      quarantine = ["FindDelivered", "FindOriginals", "TagOriginals", "UseCatalog", "WriteIndex"]
    }
    error_message = "A function has a permission it does not need, or lacks one."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function["publish"].json).Statement :
      toset(statement.Resource) if statement.Sid == "WriteDelivered"
    ]) == toset([for ending in ["jpg", "json", "m3u8", "srt", "vtt", "webp"] : "arn:aws:s3:::impp-test-delivery/assets/*.${ending}"])
    error_message = "Publish writes documents and pictures: no film."
  }
  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.function : [
        for statement in jsondecode(document.json).Statement :
        !contains(flatten([statement.Resource]), "*") || statement.Sid == "ProbeMedia"
      ]
    ]))
    error_message = "Only MediaConvert's Probe, which supports no resources, may use *."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function["failure"].json).Statement :
      statement.Resource if statement.Sid == "ReadExecutions"
    ]) == "arn:aws:states:us-east-1:123456789012:execution:impp-test-pipeline:*"
    error_message = "The failure function may read executions of this state machine only."
  }
  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.function : name => join(" ", sort(flatten([
        for statement in jsondecode(document.json).Statement : [
          for action in flatten([statement.Action]) : [
            for key in flatten([statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]]) :
            "${trimprefix(action, "dynamodb:")}:${trimsuffix(key, "#*")}"
          ]
        ] if strcontains(jsonencode(statement), "dynamodb:") && statement.Sid != "UseCatalog"
      ])))
      } == {
      archive    = ""
      failure    = ""
      inspect    = "GetItem:CALIBRATION"
      publish    = "GetItem:CALIBRATION UpdateItem:CALIBRATION"
      quarantine = ""
    }
    error_message = "Publish alone changes what quotes have learned, and Inspect reads it."
  }
  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.function : name => one([
        for statement in jsondecode(document.json).Statement :
        join(" ", sort(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])) if statement.Sid == "UseCatalog"
      ]) if strcontains(document.json, "UseCatalog")
      } == {
      failure    = "ALERTS#* ASSET#* CLAIM#* SERVICES#* SPEND#*"
      inspect    = "ASSET#* CLAIM#* SERVICES#* SPEND#*"
      publish    = "ALERTS#* ASSET#* CLAIM#* SERVICES#* SPEND#*"
      quarantine = "ALERTS#* ASSET#* CLAIM#* SERVICES#* SPEND#*"
    }
    error_message = "The rest of the catalog is what follows a file, not what quotes have learned."
  }
  assert {
    condition     = !strcontains(jsonencode([for document in data.aws_iam_policy_document.function : document.json]), "s3:Delete")
    error_message = "Nothing in the pipeline may delete footage."
  }
}

run "reports_executions_that_die" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.this["execution-failed"].event_pattern).detail == {
      stateMachineArn = ["arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"]
      status          = ["ABORTED", "FAILED", "TIMED_OUT"]
    }
    error_message = "The rule must match all failures of this state machine."
  }
  assert {
    condition = (
      aws_cloudwatch_event_target.function["execution-failed"].arn == "arn:aws:lambda:us-east-1:123456789012:function:impp-test-failure"
      && aws_cloudwatch_event_target.function["execution-failed"].dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:impp-test-failure-dlq"
      && aws_lambda_permission.events["execution-failed"].source_arn == "arn:aws:events:us-east-1:123456789012:rule/impp-test-execution-failed"
    )
    error_message = "The events must reach the failure function, and undelivered ones its dead-letter queue."
  }
}

run "protects_the_catalog" {
  command = plan

  assert {
    condition = (
      aws_dynamodb_table.catalog.billing_mode == "PAY_PER_REQUEST"
      && aws_dynamodb_table.catalog.deletion_protection_enabled
      && aws_dynamodb_table.catalog.point_in_time_recovery[0].enabled
      && aws_dynamodb_table.catalog.server_side_encryption[0].kms_key_arn == var.kms_key_arn
      && aws_dynamodb_table.catalog.ttl[0].attribute_name == "expires_at"
    )
    error_message = "The catalog must be protected, recoverable, encrypted and billed on demand."
  }
  assert {
    condition     = [for index in aws_dynamodb_table.catalog.global_secondary_index : [index.name, index.hash_key, index.range_key]] == [["by_day", "day", "captured_at"]]
    error_message = "The index must find assets by day of capture."
  }
}

run "works_without_paid_branches" {
  command = plan
  variables {
    definition_path    = "tests/fixtures/plain.json"
    task_function_arns = { sample = "arn:aws:lambda:us-east-1:123456789012:function:impp-test-sample" }
    transcode          = null
  }

  assert {
    condition = (
      !strcontains(data.aws_iam_policy_document.state_machine.json, "mediaconvert")
      && !strcontains(data.aws_iam_policy_document.state_machine.json, "PassRole")
      && !strcontains(data.aws_iam_policy_document.state_machine.json, "transcribe")
    )
    error_message = "A branch that was not built must have no permissions."
  }
}

run "asks_for_a_build" {
  command = plan
  variables {
    definition_path = "tests/fixtures/absent.json"
  }
  expect_failures = [var.definition_path]
}

run "ignores_functions_of_other_modules" {
  command = plan
  variables {
    functions = merge(var.functions, { notifier = var.functions.archive })
  }

  assert {
    condition     = toset(keys(output.functions)) == toset(["archive", "failure", "inspect", "publish", "quarantine"])
    error_message = "A function without a policy in this module belongs to another module."
  }
}

run "rejects_a_build_without_failure" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if name != "failure" }
  }
  expect_failures = [var.functions]
}

run "rejects_a_build_that_lacks_a_called_function" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if name != "inspect" }
  }
  expect_failures = [aws_sfn_state_machine.this]
}

run "rejects_a_called_function_without_a_policy" {
  command = plan
  variables {
    definition_path = "tests/fixtures/unknown.json"
    functions       = merge(var.functions, { fly = var.functions.archive })
  }
  expect_failures = [aws_sfn_state_machine.this]
}

run "rejects_malformed_values" {
  command = plan
  variables {
    kms_key_arn = "alias/key"
    name        = "IMPP"
    settings    = { delivery_domain = "d", max_frames = 0.5, max_usd_per_day = -1, monthly_budget_usd = -1 }
  }
  expect_failures = [var.kms_key_arn, var.name, var.settings]
}

run "works_without_a_host_name_of_delivery" {
  command = plan

  variables {
    settings = { monthly_budget_usd = 20 }
  }

  assert {
    condition     = local.environment.IMPP_DELIVERY_DOMAIN == "" && local.environment.IMPP_DELIVERY_BUCKET == var.buckets.delivery
    error_message = "Without a host name the functions must presign URLs of the bucket."
  }
}

run "hands_over_what_is_set_of_profiles" {
  command = plan
  variables {
    profiles      = { phone = { detectors = { labels = "rekognition" } }, kitchen = { base = "parking", max_usd = 0.5, renditions = ["web"] } }
    profile_rules = [{ profile = "kitchen", prefix = "originals/phone/kitchen/" }, { profile = "creator", tag = { key = "film", value = "yes" } }]
  }

  assert {
    condition     = jsondecode(local.profile_environment.IMPP_PROFILES) == { phone = { detectors = { labels = "rekognition" } }, kitchen = { base = "parking", max_usd = 0.5, renditions = ["web"] } }
    error_message = "Inspect must get what was set, and nothing else."
  }

  assert {
    condition     = jsondecode(local.profile_environment.IMPP_PROFILE_RULES)[1].tag.value == "yes"
    error_message = "Inspect must get the rules in their order."
  }
}

run "names_the_allowed_values_of_a_profile" {
  command = plan
  variables {
    profiles = { phone = { detectors = { text = "gpt" }, speech = "ears", escalate = ["whim"], renditions = ["betamax"], interval_s = 0, max_frames = 0.5, max_usd = -1 }, kitchen = {} }
  }
  expect_failures = [var.profiles]
}

run "hands_over_custom_detectors_that_profiles_may_name" {
  command = plan
  variables {
    custom_detectors = { scene = { endpoint = "impp-test-scene", profiles = ["kitchen"] } }
    profiles         = { phone = { detectors = { labels = "scene" } }, kitchen = { base = "parking" } }
  }

  assert {
    condition     = jsondecode(local.profile_environment.IMPP_CUSTOM_DETECTORS) == { scene = { endpoint = "impp-test-scene", kind = "serverless", profiles = ["kitchen"] } }
    error_message = "Inspect must get what was set, and nothing else."
  }
}

run "names_the_allowed_engines_for_labels" {
  command = plan
  variables {
    profiles = { phone = { detectors = { labels = "scene" } } }
  }
  expect_failures = [var.profiles]
}

run "names_the_allowed_engines_of_other_detectors" {
  command = plan
  variables {
    custom_detectors = { scene = { endpoint = "impp-test-scene" } }
    profiles         = { phone = { detectors = { text = "scene" } } }
  }
  expect_failures = [var.profiles]
}

run "names_the_detectors_that_a_profile_may_set" {
  command = plan
  variables {
    profiles = { phone = { detectors = { birds = "rekognition" } } }
  }
  expect_failures = [var.profiles]
}

run "names_the_profiles_of_a_custom_detector" {
  command = plan
  variables {
    custom_detectors = { scene = { endpoint = "impp-test-scene", profiles = ["attic"] } }
  }
  expect_failures = [aws_sfn_state_machine.this]
}

run "names_the_allowed_values_of_a_rule" {
  command = plan
  variables {
    profile_rules = [{ profile = "attic", prefix = "originals/" }, { profile = "phone" }]
  }
  expect_failures = [var.profile_rules]
}

run "refuses_profiles_that_do_not_fit_into_an_environment" {
  command = plan
  variables {
    profile_rules = [for n in range(100) : { profile = "phone", prefix = "originals/phone/${n}/" }]
  }
  expect_failures = [aws_sfn_state_machine.this]
}
