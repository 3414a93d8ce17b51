provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  manifest_path      = "tests/fixtures/manifest.json"
  name               = "impp-test"
  required_functions = ["inspect", "resume"]
}

run "tells_what_was_built" {
  command = plan

  assert {
    condition = output.functions.resume == {
      architecture  = "arm64"
      handler       = "impp_lambdas.resume.handler"
      layers        = []
      path          = "tests/fixtures/artifacts/resume-0b.zip"
      runtime       = "python3.13"
      sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    }
    error_message = "A function must come with all that module function takes, its path reachable from here."
  }
  assert {
    condition     = output.state_machine.path == "tests/fixtures/state_machine.asl.json" && !output.state_machine.features.transcribe
    error_message = "The state machine must come with its path and features."
  }
  assert {
    condition = (
      aws_lambda_layer_version.this["python"].layer_name == "impp-test-python"
      && aws_lambda_layer_version.this["python"].source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
      && one(aws_lambda_layer_version.this["python"].compatible_architectures) == "arm64"
    )
    error_message = "A layer must be published for what it was built for."
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

run "refuses_a_layer_too_large_to_upload" {
  command = plan
  variables {
    manifest_path = "tests/fixtures/too_large.json"
  }
  expect_failures = [aws_lambda_layer_version.this]
}

run "refuses_a_bad_name" {
  command = plan
  variables {
    name = "IMPP"
  }
  expect_failures = [var.name]
}
