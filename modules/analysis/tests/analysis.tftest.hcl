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
  target = module.function["analyze_video"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.resume["resume"].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.function["join"].data.aws_caller_identity.current
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
  detectors          = { faces = "rekognition:DetectFaces", labels = "rekognition:DetectLabels" }
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  state_machine_name = "impp-test-pipeline"

  functions = {
    analyze       = { architecture = "arm64", bucket = "impp-test-code", description = "Analyze.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    analyze_video = { architecture = "arm64", bucket = "impp-test-code", description = "Analyze video.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    join          = { architecture = "arm64", bucket = "impp-test-code", description = "Join.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    resume        = { architecture = "arm64", bucket = "impp-test-code", description = "Resume.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
    sample        = { architecture = "arm64", bucket = "impp-test-code", description = "Sample.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 3008, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 600 }
    transcribe    = { architecture = "arm64", bucket = "impp-test-code", description = "Transcribe.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 }
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
        AnswerTasks      = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        LookAtImages     = "*"
        ReadVideoResults = "*"
        UseWork          = "arn:aws:s3:::impp-test-work/work/*"
      }
      analyze_video = {
        AnswerTasks           = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        LendTheAnnouncingRole = "arn:aws:iam::123456789012:role/impp-test-rekognition"
        LookAtVideos          = "*"
        ReadOriginals         = "arn:aws:s3:::impp-test-ingest/originals/*"
        StartVideos           = "*"
        StoreTokens           = "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"
      }
      hear = {
        AnswerTasks   = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        FindWork      = "arn:aws:s3:::impp-test-work"
        ReadOriginals = "arn:aws:s3:::impp-test-ingest/originals/*"
        UseWork       = "arn:aws:s3:::impp-test-work/work/*"
      }
      proxy = {
        AnswerTasks   = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        FindWork      = "arn:aws:s3:::impp-test-work"
        ReadOriginals = "arn:aws:s3:::impp-test-ingest/originals/*"
        UseWork       = "arn:aws:s3:::impp-test-work/work/*"
        # Films, and neither manifests nor captions: it decodes what strangers have uploaded.
        WriteRenditions = ["arn:aws:s3:::impp-test-delivery/assets/*/video-*", "arn:aws:s3:::impp-test-delivery/assets/*/hls/hls-*"]
      }
      resume = {
        AnswerTasks         = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
        LookAtTranscription = "arn:aws:transcribe:us-east-1:123456789012:transcription-job/impp-*"
        LookAtVideos        = "*"
        TakeTokens          = "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog"
      }
      join = { UseWork = "arn:aws:s3:::impp-test-work/work/*" }
      sample = {
        AnswerTasks   = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"
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
    condition = { for name in ["analyze_video", "resume", "transcribe"] : name => one([
      for statement in jsondecode(data.aws_iam_policy_document.function[name].json).Statement :
      statement.Condition if endswith(statement.Sid, "Tokens")
      ])
      } == { for name in ["analyze_video", "resume", "transcribe"] : name => {
        "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "TOKEN#*" }
    } }
    error_message = "These functions may reach waiting tokens and nothing else of the catalog."
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.function["analyze"].json).Statement :
      toset(statement.Action) if statement.Sid == "LookAtImages"
    ]) == toset(values(var.detectors))
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

run "analyze_asks_exactly_the_endpoints_of_custom_detectors" {
  command = plan
  variables {
    custom_detectors = {
      plates = { endpoint = "impp-test-Plates", instance_type = "ml.g4dn.xlarge", kind = "asynchronous" }
      scene  = { endpoint = "impp-test-scene", labels_prefix = "scene:", profiles = [] }
    }
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.function["analyze"].json).Statement :
      statement.Sid => [statement.Action, statement.Resource] if startswith(statement.Sid, "AskEndpoints") || statement.Sid == "FindWork"
      } == {
      AskEndpoints         = ["sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/impp-test-scene"]
      AskEndpointsForLater = ["sagemaker:InvokeEndpointAsync", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/impp-test-plates"]
      FindWork             = ["s3:ListBucket", "arn:aws:s3:::impp-test-work"]
    }
    error_message = "Each endpoint needs the one action that its kind has, and answers of asynchronous ones must be found."
  }
  assert {
    condition = jsondecode(local.environments.analyze.IMPP_CUSTOM_DETECTORS) == {
      plates = { endpoint = "impp-test-Plates", instance_type = "ml.g4dn.xlarge", kind = "asynchronous" }
      scene  = { endpoint = "impp-test-scene", kind = "serverless", labels_prefix = "scene:", profiles = [] }
    }
    error_message = "Analyze must get what was set, and nothing else."
  }
}

run "a_serverless_detector_needs_no_listing" {
  command = plan
  variables {
    custom_detectors = { scene = { endpoint = "impp-test-scene" } }
  }

  assert {
    condition     = !strcontains(data.aws_iam_policy_document.function["analyze"].json, "s3:ListBucket")
    error_message = "Only answers of asynchronous endpoints are looked for."
  }
}

run "rejects_a_custom_detector_named_like_an_engine" {
  command = plan
  variables {
    custom_detectors = { cascade = { endpoint = "impp-test-scene" } }
  }
  expect_failures = [var.custom_detectors]
}

run "rejects_an_instance_without_a_price" {
  command = plan
  variables {
    custom_detectors = { scene = { endpoint = "impp-test-scene", instance_type = "ml.p5.48xlarge", kind = "asynchronous" } }
  }
  expect_failures = [var.custom_detectors]
}

run "rejects_a_custom_detector_of_an_unknown_kind" {
  command = plan
  variables {
    custom_detectors = { scene = { endpoint = "impp_test", kind = "batch", labels_prefix = "a prefix that is too long", memory_mb = 512, min_confidence = 101, seconds_per_frame = 0 } }
  }
  expect_failures = [var.custom_detectors]
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

run "the_end_of_an_analysed_video_reaches_resume" {
  command = plan

  assert {
    condition = (
      aws_sns_topic_subscription.videos["resume"].endpoint == "arn:aws:lambda:us-east-1:123456789012:function:impp-test-resume"
      && jsondecode(aws_sns_topic_subscription.videos["resume"].redrive_policy).deadLetterTargetArn == "arn:aws:sqs:us-east-1:123456789012:impp-test-resume-dlq"
      && aws_lambda_permission.videos["resume"].source_arn == "arn:aws:sns:us-east-1:123456789012:impp-test-videos"
      && aws_sns_topic.videos["resume"].kms_master_key_id == var.kms_key_arn
    )
    error_message = "Announcements must reach resume, and undelivered ones its dead-letter queue."
  }
  assert {
    condition = [
      for document in [data.aws_iam_policy_document.rekognition_trust, data.aws_iam_policy_document.rekognition, data.aws_iam_policy_document.rekognition_encryption] :
      jsondecode(document.json).Statement[0].Action
    ] == ["sts:AssumeRole", "sns:Publish", ["kms:GenerateDataKey", "kms:Decrypt"]] && jsondecode(data.aws_iam_policy_document.rekognition.json).Statement[0].Resource == "arn:aws:sns:us-east-1:123456789012:impp-test-videos"
    error_message = "Rekognition may publish to the one topic only."
  }
  assert {
    condition     = local.environments.analyze_video.IMPP_VIDEO_TOPIC_ARN == "arn:aws:sns:us-east-1:123456789012:impp-test-videos" && local.environments.analyze_video.IMPP_VIDEO_ROLE_ARN == "arn:aws:iam::123456789012:role/impp-test-rekognition"
    error_message = "The starter must name topic and role."
  }
}

run "videos_are_resumed_without_transcription" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if name != "transcribe" }
  }

  assert {
    condition = (
      aws_sns_topic_subscription.videos["resume"].endpoint == "arn:aws:lambda:us-east-1:123456789012:function:impp-test-resume"
      && contains(keys(output.task_function_arns), "analyze_video")
      && output.dead_letter_queue.name == "impp-test-resume-dlq"
    )
    error_message = "Announcements of Rekognition must reach resume."
  }
  assert {
    condition     = output.rule_name == null && length(aws_iam_role_policy.transcripts) == 0
    error_message = "Nothing is transcribed, so there is no event to wait for."
  }
  assert {
    condition     = toset([for statement in jsondecode(data.aws_iam_policy_document.function["resume"].json).Statement : statement.Sid]) == toset(["AnswerTasks", "LookAtVideos", "TakeTokens"])
    error_message = "resume may look at nothing but videos."
  }
}

run "works_with_sampling_only" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if contains(["join", "sample"], name) }
  }

  assert {
    condition     = keys(output.task_function_arns) == ["join", "sample"] && length(module.dead_letter) == 0 && output.dead_letter_queue == null
    error_message = "Without transcription there is nothing to resume."
  }
}

run "rejects_transcribe_without_resume" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if !contains(["analyze_video", "resume"], name) }
  }
  expect_failures = [var.functions]
}

run "rejects_analyze_video_without_resume" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if !contains(["resume", "transcribe"], name) }
  }
  expect_failures = [var.functions]
}

run "rejects_sample_without_join" {
  command = plan
  variables {
    functions = { for name, function in var.functions : name => function if name != "join" }
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
    condition     = toset(keys(output.functions)) == toset(["analyze", "analyze_video", "join", "resume", "sample", "transcribe"])
    error_message = "A function without a policy in this module belongs to another module."
  }
}

run "rejects_actions_of_detectors_outside_rekognition" {
  command = plan
  variables {
    detectors = { labels = "s3:GetObject" }
  }
  expect_failures = [var.detectors]
}

run "rejects_analyze_without_detectors" {
  command = plan
  variables {
    detectors = {}
  }
  expect_failures = [var.detectors]
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
