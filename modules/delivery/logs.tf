data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# Standard logging v2: delivered by CloudWatch Logs, so the bucket needs no ACL.
resource "aws_cloudwatch_log_delivery_source" "access" {
  count = var.access_logs == null ? 0 : 1

  name         = "${var.name}-delivery"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
  tags         = var.tags

  lifecycle {
    precondition {
      condition     = data.aws_region.current.name == "us-east-1"
      error_message = "access_logs need a provider for us-east-1: CloudFront delivers its logs from there only."
    }
  }
}

resource "aws_cloudwatch_log_delivery_destination" "access" {
  count = var.access_logs == null ? 0 : 1

  name          = "${var.name}-delivery"
  output_format = "json"
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = "${var.access_logs.bucket_arn}/${var.access_logs.prefix}"
  }
}

resource "aws_cloudwatch_log_delivery" "access" {
  count = var.access_logs == null ? 0 : 1

  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.access[0].arn
  delivery_source_name     = aws_cloudwatch_log_delivery_source.access[0].name
  tags                     = var.tags
}

data "aws_iam_policy_document" "access_logs" {
  count = var.access_logs == null ? 0 : 1

  statement {
    sid       = "ReceiveDeliveryLogs"
    actions   = ["s3:PutObject"]
    resources = ["${var.access_logs.bucket_arn}/${var.access_logs.prefix}/*"]
    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:logs:us-east-1:${data.aws_caller_identity.current.account_id}:delivery-source:${var.name}-delivery"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}
