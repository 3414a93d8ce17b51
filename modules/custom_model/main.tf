data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  s3        = "arn:${local.partition}:s3:::"

  artifact_url = "s3://${var.artifact.bucket}/${var.artifact.key}"
  role_name    = "${var.name}-model"

  # Model and configuration cannot be changed, only replaced. Names that follow their content let the endpoint change from the
  # old ones to the new ones without a gap.
  revision = substr(sha256(jsonencode([local.artifact_url, var.image, var.environment, var.asynchronous, var.serverless, var.kms_key_arn])), 0, 8)

  is_asynchronous = var.asynchronous != null
  answers         = var.asynchronous == null ? null : "s3://${var.asynchronous.bucket}/${var.asynchronous.answers_prefix}"
  variant         = "main"
}

resource "aws_sagemaker_model" "this" {
  #checkov:skip=CKV_AWS_370:serverless endpoints do not support network isolation; asynchronous ones have it

  name               = "${var.name}-${local.revision}"
  execution_role_arn = aws_iam_role.model.arn
  tags               = var.tags

  # Serverless endpoints support no network isolation (SageMaker developer guide, "Deploy models with Amazon SageMaker
  # Serverless Inference", "Feature exclusions").
  enable_network_isolation = local.is_asynchronous

  primary_container {
    environment    = merge({ SAGEMAKER_PROGRAM = "inference.py" }, var.environment)
    image          = var.image
    model_data_url = local.artifact_url
  }

  # SageMaker checks at creation that the role can read the artifact.
  depends_on = [aws_iam_role_policy.model, aws_iam_role_policy.encryption]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  name        = "${var.name}-${local.revision}"
  kms_key_arn = var.kms_key_arn # of volumes; on a serverless endpoint of the copy of the image
  tags        = var.tags

  production_variants {
    initial_instance_count = local.is_asynchronous ? 1 : null
    instance_type          = local.is_asynchronous ? var.asynchronous.instance_type : null
    model_name             = aws_sagemaker_model.this.name
    variant_name           = local.variant

    dynamic "serverless_config" {
      for_each = local.is_asynchronous ? [] : [var.serverless]

      content {
        max_concurrency   = serverless_config.value.max_concurrency
        memory_size_in_mb = serverless_config.value.memory_mb
      }
    }
  }

  dynamic "async_inference_config" {
    for_each = var.asynchronous[*]

    content {
      client_config {
        max_concurrent_invocations_per_instance = async_inference_config.value.max_concurrency
      }
      output_config {
        kms_key_id      = var.kms_key_arn
        s3_failure_path = "${local.answers}failed/"
        s3_output_path  = local.answers
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name
  tags                 = var.tags

  # The container writes its log as soon as it starts.
  depends_on = [aws_cloudwatch_log_group.endpoint]
}

# SageMaker would create it without key and retention (SageMaker developer guide, "CloudWatch Logs for Amazon SageMaker AI").
resource "aws_cloudwatch_log_group" "endpoint" {
  #checkov:skip=CKV_AWS_338:the environment chooses the retention

  name              = "/aws/sagemaker/Endpoints/${var.name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
