# Any zip in a bucket as a Lambda function with its log group, role, tracing and encryption, and nothing it was not given.

variable "table_arn" {
  description = "The DynamoDB table that the function may read."
  type        = string
}

variable "zip" {
  description = "The zip: where it lies, and its SHA-256 in base64 (openssl dgst -sha256 -binary function.zip | base64)."
  type = object({
    bucket        = string
    key           = string
    sha256_base64 = string
  })
}

module "key" {
  source = "../../modules/key"
  name   = "example-function"
}

data "aws_iam_policy_document" "function" {
  statement {
    actions   = ["dynamodb:GetItem"]
    resources = [var.table_arn]
  }
}

module "function" {
  source      = "../../modules/function"
  name        = "example-reader"
  artifact    = merge(var.zip, { handler = "app.handler" })
  environment = { POWERTOOLS_SERVICE_NAME = "reader" }
  kms_key_arn = module.key.arn
  policy_json = data.aws_iam_policy_document.function.json
}

output "function_arn" {
  description = "ARN of the function."
  value       = module.function.arn
}
