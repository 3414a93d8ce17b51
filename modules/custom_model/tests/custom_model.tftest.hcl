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
  name        = "impp-test-scene"
  artifact    = { bucket = "impp-test-models", key = "scene/1.tar.gz" }
  image       = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

run "a_serverless_endpoint_costs_nothing_while_idle" {
  command = plan

  assert {
    condition = (
      [for config in aws_sagemaker_endpoint_configuration.this.production_variants[0].serverless_config : [config.memory_size_in_mb, config.max_concurrency]] == [[2048, 4]]
      && aws_sagemaker_endpoint_configuration.this.production_variants[0].instance_type == null
      && length(aws_sagemaker_endpoint_configuration.this.async_inference_config) == 0
      && length(aws_appautoscaling_target.instances) == 0
    )
    error_message = "A serverless endpoint must have no instance."
  }
  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == var.kms_key_arn && aws_cloudwatch_log_group.endpoint.kms_key_id == var.kms_key_arn
    error_message = "Everything must be encrypted with the given key."
  }
  assert {
    condition     = output.detector == { endpoint = "impp-test-scene", instance_type = null, kind = "serverless", memory_mb = 2048 } && output.endpoint_arn == "arn:aws:sagemaker:us-east-1:123456789012:endpoint/impp-test-scene"
    error_message = "The output must be what custom_detectors takes."
  }
  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.model.json).Statement : statement.Sid => statement.Resource
      } == {
      GetTokenForImages = "*"
      PullImage         = "arn:aws:ecr:us-east-1:763104351884:repository/pytorch-inference"
      ReadArtifact      = "arn:aws:s3:::impp-test-models/scene/1.tar.gz"
      WriteLog          = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/impp-test-scene:*"
    }
    error_message = "A serverless model reads its artifact and image, writes its log and nothing else."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.trust.json).Statement : [statement.Principal, statement.Condition]
    ] == [[{ Service = "sagemaker.amazonaws.com" }, { StringEquals = { "aws:SourceAccount" = "123456789012" } }]]
    error_message = "Only SageMaker, for this account, may use the role."
  }
}

run "another_artifact_makes_another_model_behind_the_same_endpoint" {
  command = plan
  variables {
    artifact = { bucket = "impp-test-models", key = "scene/2.tar.gz" }
  }

  assert {
    condition = (
      aws_sagemaker_model.this.name != run.a_serverless_endpoint_costs_nothing_while_idle.model_name
      && output.detector.endpoint == run.a_serverless_endpoint_costs_nothing_while_idle.detector.endpoint
    )
    error_message = "A model cannot be changed, and the pipeline knows the endpoint's name."
  }
}

run "an_asynchronous_endpoint_scales_in_to_zero" {
  command = plan
  variables {
    asynchronous = { answers_prefix = "work/sagemaker/scene/", bucket = "impp-test-work", instance_type = "ml.g4dn.xlarge" }
  }

  assert {
    condition = (
      aws_appautoscaling_target.instances["scaling"].min_capacity == 0
      && aws_appautoscaling_target.instances["scaling"].resource_id == "endpoint/impp-test-scene/variant/main"
      && aws_cloudwatch_metric_alarm.first["scaling"].metric_name == "HasBacklogWithoutCapacity"
      && aws_appautoscaling_policy.first["scaling"].step_scaling_policy_configuration[0].adjustment_type == "ChangeInCapacity"
    )
    error_message = "Without requests there must be no instance, and the first request must start one."
  }
  assert {
    condition = [
      for output in aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config :
      [output.kms_key_id, output.s3_output_path, output.s3_failure_path]
    ] == [[var.kms_key_arn, "s3://impp-test-work/work/sagemaker/scene/", "s3://impp-test-work/work/sagemaker/scene/failed/"]]
    error_message = "Answers and failures go to the work bucket, encrypted with the given key."
  }
  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.model.json).Statement :
      statement.Sid => [statement.Action, statement.Resource] if contains(["ReadFrames", "WriteAnswers"], statement.Sid)
      } == {
      ReadFrames   = ["s3:GetObject", "arn:aws:s3:::impp-test-work/work/*"]
      WriteAnswers = ["s3:PutObject", "arn:aws:s3:::impp-test-work/work/sagemaker/scene/*"]
    }
    error_message = "The model may read frames and write its answers."
  }
  assert {
    condition     = aws_sagemaker_model.this.enable_network_isolation
    error_message = "A model on instances needs no network."
  }
  assert {
    condition     = jsonencode(output.detector) == jsonencode({ endpoint = "impp-test-scene", instance_type = "ml.g4dn.xlarge", kind = "asynchronous", memory_mb = null })
    error_message = "The output must be what custom_detectors takes."
  }
}

run "rejects_malformed_values" {
  command = plan
  variables {
    artifact    = { bucket = "impp-test-models", key = "scene.zip" }
    image       = "docker.io/library/python:3.13"
    kms_key_arn = "alias/key"
    name        = "IMPP"
    serverless  = { memory_mb = 512 }
  }
  expect_failures = [var.artifact, var.image, var.kms_key_arn, var.name, var.serverless]
}

run "rejects_answers_that_analyze_could_not_read" {
  command = plan
  variables {
    asynchronous = { answers_prefix = "answers/", bucket = "impp-test-work", instance_type = "g4dn.xlarge", max_instances = 0 }
  }
  expect_failures = [var.asynchronous]
}
