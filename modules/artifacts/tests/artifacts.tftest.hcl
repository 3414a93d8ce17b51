provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  bucket_name   = "impp-test-code"
  manifest_path = "tests/fixtures/manifest.json"
  name          = "impp-test"
}

run "publishes_the_build" {
  command = plan

  assert {
    condition = output.functions.resume == {
      architecture         = "arm64"
      bucket               = "impp-test-code"
      description          = "Resumes."
      ephemeral_storage_mb = 2048
      handler              = "impp_lambdas.handlers.resume.handler"
      key                  = "functions/resume-0b.zip"
      layers               = []
      memory_mb            = 256
      runtime              = "python3.13"
      sha256_base64        = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
      timeout_s            = 60
      weights              = {}
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
    condition = (
      output.functions.inspect.weights == { "small/model.bin" = "weights/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
      && aws_s3_object.weights["small/model.bin"].source == "tests/fixtures/artifacts/weights-0d.bin"
    )
    error_message = "Weights must be uploaded under their SHA-256, and their functions must know the key."
  }
  assert {
    condition     = output.detectors == { faces = "rekognition:DetectFaces", labels = "rekognition:DetectLabels" }
    error_message = "The detectors and their IAM actions must be those of the manifest."
  }
  assert {
    condition = output.gallery_files == {
      "app/index.html" = {
        cache_control = "no-cache"
        content_type  = "text/html; charset=utf-8"
        sha256        = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        source        = "tests/fixtures/gallery/index-0e.html"
      }
    }
    error_message = "The gallery's files must come with their headers and local paths."
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

run "an_environment_overrides_sizes" {
  command = plan
  variables {
    overrides = { inspect = { memory_mb = 2048 }, resume = { timeout_s = 30 } }
  }

  assert {
    condition = { for name, function in output.functions : name => [function.memory_mb, function.timeout_s] } == {
      inspect = [2048, 300]
      resume  = [256, 30]
    }
    error_message = "An override must change the named size and nothing else."
  }
}

run "rejects_a_timeout_that_the_state_machine_would_not_wait_for" {
  command = plan
  variables {
    overrides = { inspect = { timeout_s = 301 } }
  }
  expect_failures = [output.functions]
}

run "rejects_an_override_for_an_unknown_function" {
  command = plan
  variables {
    overrides = { fly = { memory_mb = 128 } }
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
