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
  target = module.function.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name                  = "impp-test"
  actions_function_name = "impp-test-actions"
  catalog_table_name    = "impp-test-catalog"
  functions             = { api = { architecture = "arm64", bucket = "impp-test-code", description = "Api.", ephemeral_storage_mb = 512, handler = "h.handler", key = "h.zip", layers = [], memory_mb = 256, runtime = "python3.13", sha256_base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", timeout_s = 60 } }
  kms_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

run "only_signed_requests_reach_a_role_that_can_do_little" {
  command = plan

  assert {
    condition     = aws_lambda_function_url.this.authorization_type == "AWS_IAM"
    error_message = "A function URL without IAM is open to everybody."
  }
  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement :
      statement.Sid => [statement.Action, statement.Resource, try(statement.Condition, null)]
      }) == jsonencode({
      Act = ["lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:impp-test-actions", null]
      CountRequests = ["dynamodb:UpdateItem", "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog", {
        "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "RATE#api#*" }
      }]
      ReadSums = ["dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/impp-test-catalog", {
        "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["SERVICES#*", "SPEND#*"] }
      }]
    })
    error_message = "The function must be allowed exactly this."
  }
}

run "the_build_must_have_the_function" {
  command = plan

  variables {
    functions = {}
  }

  expect_failures = [var.functions]
}
