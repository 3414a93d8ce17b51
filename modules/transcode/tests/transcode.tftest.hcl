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
  name        = "impp-test"
  input       = { bucket = "impp-test-123456789012-ingest" }
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  output      = { bucket = "impp-test-123456789012-delivery" }
}

run "queue_and_role" {
  command = plan

  assert {
    condition     = aws_media_convert_queue.this.pricing_plan == "ON_DEMAND"
    error_message = "The queue must cost nothing while idle."
  }
  assert {
    condition = (
      output.queue_arn == "arn:aws:mediaconvert:us-east-1:123456789012:queues/impp-test"
      && output.role_arn == "arn:aws:iam::123456789012:role/impp-test-mediaconvert"
    )
    error_message = "ARNs must be known at plan."
  }
  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.objects.json).Statement :
      statement.Sid => [statement.Action, statement.Resource]
      } == {
      ReadOriginals   = [["s3:GetObjectVersion", "s3:GetObject"], "arn:aws:s3:::impp-test-123456789012-ingest/originals/*"]
      WriteRenditions = [["s3:PutObject", "s3:AbortMultipartUpload"], ["arn:aws:s3:::impp-test-123456789012-delivery/assets/*/video-*", "arn:aws:s3:::impp-test-123456789012-delivery/assets/*/hls/*"]]
    }
    error_message = "MediaConvert may only read originals and write films."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.trust.json).Statement : [statement.Principal, statement.Condition]
    ] == [[{ Service = "mediaconvert.amazonaws.com" }, { StringEquals = { "aws:SourceAccount" = "123456789012" } }]]
    error_message = "Only MediaConvert, for this account, may use the role."
  }
}

run "copies" {
  command = plan
  variables {
    copies = { bucket = "impp-test-123456789012-work" }
  }

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.objects.json).Statement :
      [statement.Action, statement.Resource] if statement.Sid == "ReadCopies"
    ] == [["s3:GetObject", "arn:aws:s3:::impp-test-123456789012-work/work/*"]]
    error_message = "MediaConvert may only read below work/."
  }
}

run "rejects_malformed_values" {
  command = plan
  variables {
    kms_key_arn = "alias/key"
    name        = "IMPP"
  }
  expect_failures = [var.kms_key_arn, var.name]
}
