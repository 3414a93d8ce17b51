provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  bucket_name        = "impp-test-code"
  manifest_path      = "tests/fixtures/manifest.json"
  name               = "impp-test"
  required_functions = ["inspect", "resume"]
}

run "publishes_the_build" {
  command = plan

  assert {
    condition = output.functions.resume == {
      architecture  = "arm64"
      bucket        = "impp-test-code"
      handler       = "impp_lambdas.handlers.resume.handler"
      key           = "functions/resume-0b.zip"
      layers        = []
      runtime       = "python3.13"
      sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    }
    error_message = "Each function must have every attribute that module function takes."
  }
  assert {
    condition = { for name, zip in aws_s3_object.zip : name => [zip.key, zip.source, zip.source_hash] } == {
      "functions/inspect" = ["functions/inspect-0a.zip", "tests/fixtures/artifacts/inspect-0a.zip", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
      "functions/resume"  = ["functions/resume-0b.zip", "tests/fixtures/artifacts/resume-0b.zip", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
      "layers/python"     = ["layers/python-0c.zip", "tests/fixtures/artifacts/python-0c.zip", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
    }
    error_message = "Each zip must be uploaded under its content-addressed key."
  }
  assert {
    condition     = output.state_machine.path == "tests/fixtures/state_machine.asl.json" && !output.state_machine.features.transcribe
    error_message = "The state machine must come with its path and features."
  }
  assert {
    condition = (
      aws_lambda_layer_version.this["python"].layer_name == "impp-test-python"
      && aws_lambda_layer_version.this["python"].s3_key == "layers/python-0c.zip"
      && aws_lambda_layer_version.this["python"].source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
      && one(aws_lambda_layer_version.this["python"].compatible_architectures) == "arm64"
    )
    error_message = "A layer must be published for the architecture and runtime it was built for."
  }
}

run "asks_for_a_build_when_there_is_none" {
  command = plan
  variables {
    manifest_path = "tests/fixtures/absent.json"
  }
  expect_failures = [var.manifest_path]
}

run "asks_for_a_build_when_a_function_is_missing" {
  command = plan
  variables {
    required_functions = ["inspect", "resume", "sample"]
  }
  expect_failures = [output.functions]
}

run "rejects_a_malformed_name" {
  command = plan
  variables {
    name = "IMPP"
  }
  expect_failures = [var.name]
}
