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
  name        = "impp-test-inspect"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  artifact = {
    bucket        = "impp-test-code"
    handler       = "impp_lambdas.handlers.inspect.handler"
    key           = "inspect.zip"
    sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
  }
}

run "defaults" {
  command = plan

  assert {
    condition     = one(aws_lambda_function.this.architectures) == "arm64" && aws_lambda_function.this.runtime == "python3.13"
    error_message = "Functions must run on arm64 and Python 3.13 by default."
  }
  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Functions must be traced."
  }
  assert {
    condition = (
      aws_cloudwatch_log_group.this.name == "/aws/lambda/impp-test-inspect"
      && aws_lambda_function.this.logging_config[0].log_group == aws_cloudwatch_log_group.this.name
      && aws_cloudwatch_log_group.this.retention_in_days == 30
      && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    )
    error_message = "The function must use its own log group, encrypted and with retention."
  }
  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement : statement.Sid => statement.Resource
      } == {
      WriteLogs  = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/impp-test-inspect:*"
      SendTraces = "*"
    }
    error_message = "By default a function may only write its own log and send traces."
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.encryption.json).Statement[0].Resource == var.kms_key_arn
    error_message = "The role may use this key only."
  }
  assert {
    condition     = length(aws_lambda_function.this.dead_letter_config) == 0 && length(aws_lambda_function.this.environment) == 0
    error_message = "There must be no queue and no environment by default."
  }
  assert {
    condition = (
      output.arn == "arn:aws:lambda:us-east-1:123456789012:function:impp-test-inspect"
      && output.role_arn == "arn:aws:iam::123456789012:role/impp-test-inspect"
    )
    error_message = "ARNs must be known at plan."
  }
}

run "all_options" {
  command = plan
  variables {
    artifact = {
      architecture  = "x86_64"
      bucket        = "impp-test-code"
      handler       = "impp_lambdas.handlers.failure.handler"
      key           = "failure.zip"
      layers        = ["arn:aws:lambda:us-east-1:123456789012:layer:impp-test-python:1"]
      runtime       = "python3.11"
      sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    }
    dead_letter_arn      = "arn:aws:sqs:us-east-1:123456789012:impp-test-failure-dlq"
    environment          = { IMPP_CATALOG_TABLE = "impp-test-catalog" }
    ephemeral_storage_mb = 2048
    log_retention_days   = 7
    memory_mb            = 1769
    policy_json          = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Read\",\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::b/originals/*\"}]}"
    timeout_s            = 900
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement : statement.Sid => statement.Action
      } == {
      KeepWhatFailed = "sqs:SendMessage"
      Read           = "s3:GetObject"
      SendTraces     = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      WriteLogs      = ["logs:PutLogEvents", "logs:CreateLogStream"]
    }
    error_message = "The caller's policy must be merged with the permissions for logs, traces and queue."
  }
  assert {
    condition = (
      aws_lambda_function.this.dead_letter_config[0].target_arn == var.dead_letter_arn
      && aws_lambda_function.this.environment[0].variables == tomap({ IMPP_CATALOG_TABLE = "impp-test-catalog" })
      && aws_lambda_function.this.kms_key_arn == var.kms_key_arn
      && aws_lambda_function.this.ephemeral_storage[0].size == 2048
      && aws_lambda_function.this.memory_size == 1769
      && aws_lambda_function.this.timeout == 900
      && aws_lambda_function.this.layers[0] == var.artifact.layers[0]
      && one(aws_lambda_function.this.architectures) == "x86_64"
    )
    error_message = "The function must have the given settings."
  }
}

run "reads_its_weights_and_nothing_else_of_the_bucket" {
  command = plan
  variables {
    artifact = {
      bucket        = "impp-test-code"
      handler       = "impp_lambdas.handlers.hear.handler"
      key           = "hear.zip"
      sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
      weights       = { "a/model.bin" = "weights/0a", "b.onnx" = "weights/0b" }
    }
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement : statement.Sid => [statement.Action, statement.Resource]
      if statement.Sid == "ReadWeights"
      } == {
      ReadWeights = ["s3:GetObject", ["arn:aws:s3:::impp-test-code/weights/0b", "arn:aws:s3:::impp-test-code/weights/0a"]]
    }
    error_message = "A function may read exactly the weights that it uses."
  }
  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      IMPP_WEIGHTS_BUCKET = "impp-test-code"
      IMPP_WEIGHTS_KEYS   = "{\"a/model.bin\":\"weights/0a\",\"b.onnx\":\"weights/0b\"}"
    })
    error_message = "A function must be told where its weights are."
  }
}

run "rejects_a_malformed_name" {
  command = plan
  variables {
    name = "cost_report"
  }
  expect_failures = [var.name]
}

run "rejects_an_unknown_architecture" {
  command = plan
  variables {
    artifact = { architecture = "riscv", bucket = "impp-test-code", handler = "h.h", key = "x.zip", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
  }
  expect_failures = [var.artifact]
}

run "rejects_a_hash_in_hex" {
  command = plan
  variables {
    artifact = { bucket = "impp-test-code", handler = "h.h", key = "x.zip", sha256_base64 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
  }
  expect_failures = [var.artifact]
}

run "rejects_six_layers" {
  command = plan
  variables {
    artifact = { bucket = "impp-test-code", handler = "h.h", key = "x.zip", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", layers = ["a", "b", "c", "d", "e", "f"] }
  }
  expect_failures = [var.artifact]
}

run "rejects_values_beyond_lambda_limits" {
  command = plan
  variables {
    dead_letter_arn      = "arn:aws:sns:us-east-1:123456789012:topic"
    ephemeral_storage_mb = 100
    kms_key_arn          = "alias/key"
    log_retention_days   = 2
    memory_mb            = 64
    timeout_s            = 901
  }
  expect_failures = [
    var.dead_letter_arn,
    var.ephemeral_storage_mb,
    var.kms_key_arn,
    var.log_retention_days,
    var.memory_mb,
    var.timeout_s,
  ]
}
