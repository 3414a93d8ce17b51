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
  target = module.dead_letter["resume"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["analyze"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.resume["resume"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["sample"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["transcribe"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name               = "impp-test"
  buckets            = { delivery = "impp-test-delivery", ingest = "impp-test-ingest", work = "impp-test-work" }
  catalog_table_name = "impp-test-catalog"
  detector_actions   = ["rekognition:DetectFaces", "rekognition:DetectLabels"]
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  state_machine_name = "impp-test-pipeline"

  functions = {
    analyze    = { architecture = "arm64", bucket = "impp-test-code", description = "Analyze.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    resume     = { architecture = "arm64", bucket = "impp-test-code", description = "Resume.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    sample     = { architecture = "arm64", bucket = "impp-test-code", description = "Sample.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 3008, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 600 }
    transcribe = { architecture = "arm64", bucket = "impp-test-code", description = "Transcribe.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
  }
}

run "each_function_may_do_exactly_this" {
  command = plan

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.function : name => {
        for statement in jsondecode(document.json).Statement : statement.Sid => statement.Resource
      }
      } == {
      analyze = {
        LookAtImages = "*"
        UseWork      = "arn:aws:s3:::impp-test-work/work/*"
      }
      hear = {
        AnswerTasks   = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        FindWork      = "arn:aws:s3:::impp-test-work"
        ReadOriginals = "arn:aws:s3:::impp-test-ingest/originals/*"
        UseWork       = "arn:aws:s3:::impp-test-work/work/*"
      }
      proxy = {
        ReadOriginals   = "arn:aws:s3:::impp-test-ingest/originals/*"
        WriteRenditions = "arn:aws:s3:::impp-test-delivery/assets/*"
      }
      resume = {
        AnswerTasks         = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        LookAtTranscription = "arn:aws:transcribe:us-east-1:123456789012:transcription-job/impp-*"
        TakeTokens          = "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"
      }
      sample = {
        ReadOriginals = "arn:aws:s3:::impp-test-ingest/originals/*"
        WriteWork     = "arn:aws:s3:::impp-test-work/work/*"
      }
      transcribe = {
        AnswerTasks         = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        LookAtTranscription = "arn:aws:transcribe:us-east-1:123456789012:transcription-job/impp-*"
        ReadOriginals       = "arn:aws:s3:::impp-test-ingest/originals/*"
        StartTranscription  = "*"
        StoreTokens         = "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"
        TagTranscription    = "*"
        UseWork             = "arn:aws:s3:::impp-test-work/work/*"
      }
    }
    error_message = "A function has a permission it does not need, or lacks one."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function["analyze"].json).Statement :
      toset(statement.Action) if statement.Sid == "LookAtImages"
    ]) == var.detector_actions
    error_message = "Analyze must have the actions of its detectors and no other."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function["transcribe"].json).Statement :
      statement.Condition if statement.Sid == "StartTranscription"
    ]) == { StringEquals = { "transcribe:OutputBucketName" = "impp-test-work" } }
    error_message = "Transcripts may go to the work bucket only."
  }
  assert {
    condition = (
      jsondecode(data.aws_iam_policy_document.transcripts.json).Statement[0].Resource == var.kms_key_arn
      && toset(jsondecode(data.aws_iam_policy_document.transcripts.json).Statement[0].Action) == toset(["kms:DescribeKey", "kms:Encrypt"])
      && aws_iam_role_policy.transcripts["resume"].role == "impp-test-transcribe"
      && local.environments.transcribe.IMPP_KMS_KEY_ARN == var.kms_key_arn
    )
    error_message = "transcribe must receive the key for transcripts and be allowed to encrypt with it."
  }
  assert {
    condition     = !strcontains(jsonencode([for document in data.aws_iam_policy_document.function : document.json]), ":*\"")
    error_message = "No action may be a wildcard."
  }
}

run "transcribe_events_reach_resume" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.transcribed["resume"].event_pattern) == {
      source      = ["aws.transcribe"]
      detail-type = ["Transcribe Job State Change"]
      detail = {
        TranscriptionJobName   = [{ prefix = "impp-" }]
        TranscriptionJobStatus = ["COMPLETED", "FAILED"]
      }
    }
    error_message = "The rule must match completed and failed jobs of this project only."
  }
  assert {
    condition = (
      aws_cloudwatch_event_target.resume["resume"].arn == "arn:aws:lambda:us-east-1:123456789012:function:impp-test-resume"
      && aws_cloudwatch_event_target.resume["resume"].dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:impp-test-resume-dlq"
      && aws_lambda_permission.resume["resume"].source_arn == "arn:aws:events:us-east-1:123456789012:rule/impp-test-transcribed"
      && output.dead_letter_queue.name == "impp-test-resume-dlq"
    )
    error_message = "The events must reach resume, and undelivered ones its dead-letter queue."
  }
}

run "works_with_sample_only" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if name == "sample" }
  }

  assert {
    condition     = keys(output.task_function_arns) == ["sample"] && length(module.dead_letter) == 0 && output.dead_letter_queue == null
    error_message = "Without transcription there is nothing to resume."
  }
}

run "rejects_transcribe_without_resume" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if name != "resume" }
  }
  expect_failures = [var.functions]
}

run "rejects_a_missing_sample_function" {
  command = plan
  variables {
    functions = {}
  }
  expect_failures = [var.functions]
}

run "ignores_functions_of_other_modules" {
  command = plan
  variables {
    functions = merge(var.functions, { notifier = var.functions.resume })
  }

  assert {
    condition     = toset(keys(output.functions)) == toset(["analyze", "resume", "sample", "transcribe"])
    error_message = "A function without a policy in this module belongs to another module."
  }
}

run "rejects_detector_actions_outside_rekognition" {
  command = plan
  variables {
    detector_actions = ["s3:GetObject"]
  }
  expect_failures = [var.detector_actions]
}

run "rejects_analyze_without_detector_actions" {
  command = plan
  variables {
    detector_actions = []
  }
  expect_failures = [var.detector_actions]
}

run "rejects_malformed_values" {
  command = plan
  variables {
    kms_key_arn = "alias/key"
    name        = "IMPP"
    settings    = { transcribe_language = "English" }
  }
  expect_failures = [var.kms_key_arn, var.name, var.settings]
}

run "rejects_a_fallback_language_that_is_not_a_language" {
  command = plan
  variables {
    settings = { transcribe_fallback_language = "auto" }
  }
  expect_failures = [var.settings]
}
