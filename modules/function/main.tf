data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  environment = merge(var.environment, length(var.artifact.weights) == 0 ? {} : {
    IMPP_WEIGHTS_BUCKET = var.artifact.bucket
    IMPP_WEIGHTS_KEYS   = jsonencode(var.artifact.weights)
  })

  account       = data.aws_caller_identity.current.account_id
  log_group_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${aws_cloudwatch_log_group.this.name}"
  partition     = data.aws_partition.current.partition
  region        = data.aws_region.current.id
}

# Created before the function: otherwise Lambda creates one that keeps logs forever.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the environment chooses the retention; prod keeps a year

  name              = "/aws/lambda/${var.name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# From S3: the provider creates functions from local zips one at a time.
resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:a new account has 10 concurrent executions, none of which can be reserved
  #checkov:skip=CKV_AWS_116:functions that events start have a queue; the state machine calls the others, and retries
  #checkov:skip=CKV_AWS_117:calls public AWS endpoints only; a VPC would need endpoints or a NAT gateway, billed by the hour
  #checkov:skip=CKV_AWS_272:the zip is pinned by its SHA-256, and only a deployment may write to its bucket

  function_name    = var.name
  architectures    = [var.artifact.architecture]
  description      = var.description
  handler          = var.artifact.handler
  kms_key_arn      = length(local.environment) == 0 ? null : var.kms_key_arn
  layers           = var.artifact.layers
  memory_size      = var.memory_mb
  role             = aws_iam_role.this.arn
  runtime          = var.artifact.runtime
  s3_bucket        = var.artifact.bucket
  s3_key           = var.artifact.key
  source_code_hash = var.artifact.sha256_base64
  tags             = var.tags
  timeout          = var.timeout_s

  dynamic "dead_letter_config" {
    for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

    content {
      target_arn = dead_letter_config.value
    }
  }

  dynamic "environment" {
    for_each = length(local.environment) == 0 ? [] : [local.environment]

    content {
      variables = environment.value
    }
  }

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda checks at creation that the role may send to the dead-letter queue and use the key.
  depends_on = [
    aws_iam_role_policy.encryption,
    aws_iam_role_policy.function,
  ]
}
