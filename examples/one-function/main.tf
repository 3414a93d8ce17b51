# Any zip in a bucket as a Lambda function with log group, role, tracing, encryption and a dead-letter queue. It may do what its
# policy allows, and nothing else.

variable "table_arn" {
  description = "The DynamoDB table that the function may read."
  type        = string
}

variable "zip" {
  description = "The zip: its bucket and key, and its SHA-256 in base64 (openssl dgst -sha256 -binary function.zip | base64)."
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

module "dead_letter" {
  source      = "../../modules/dead_letter"
  name        = "example-reader-dlq"
  kms_key_arn = module.key.arn
}

module "function" {
  source          = "../../modules/function"
  name            = "example-reader"
  artifact        = merge(var.zip, { handler = "app.handler" })
  dead_letter_arn = module.dead_letter.arn
  environment     = { POWERTOOLS_SERVICE_NAME = "reader" }
  kms_key_arn     = module.key.arn
  policy_json     = data.aws_iam_policy_document.function.json
}

output "dead_letter_queue_url" {
  description = "URL of the queue of events that the function could not process."
  value       = module.dead_letter.url
}

output "function_arn" {
  description = "ARN of the function."
  value       = module.function.arn
}
