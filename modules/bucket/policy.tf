resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  # Concurrent changes of a bucket's access settings fail with OperationAborted.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

data "aws_iam_policy_document" "bucket" {
  source_policy_documents = var.policy_documents

  # The only wildcard action, because requests without TLS are denied whatever they do.
  statement {
    sid       = "RefuseWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arn, "${local.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = length(var.access_log_sources) == 0 ? [] : [var.access_log_sources]

    content {
      sid       = "ReceiveAccessLogs"
      actions   = ["s3:PutObject"]
      resources = [for source in statement.value : "${local.arn}/s3/${source}/*"]
      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [for source in statement.value : "arn:${local.partition}:s3:::${source}"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}
