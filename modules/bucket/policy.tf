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

  # Objects encrypted with a key of the sender's own (SSE-C) could be read by nobody else, neither by us (S3 user guide,
  # "Using server-side encryption with customer-provided keys").
  statement {
    sid       = "RefuseCustomerKeys"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${local.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Null"
      variable = "s3:x-amz-server-side-encryption-customer-algorithm"
      values   = ["false"]
    }
  }

  # A missing header is no choice, and lifecycle rules are no requests.
  dynamic "statement" {
    for_each = var.standard_uploads_only ? ["STANDARD"] : []

    content {
      sid       = "RefuseOtherStorageClasses"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${local.arn}/*"]
      principals {
        type        = "*"
        identifiers = ["*"]
      }
      condition {
        test     = "Null"
        variable = "s3:x-amz-storage-class"
        values   = ["false"]
      }
      condition {
        test     = "StringNotEquals"
        variable = "s3:x-amz-storage-class"
        values   = [statement.value]
      }
    }
  }

  # When a delivery is created, CloudWatch Logs looks for this statement and appends its own where it is missing
  # (CloudWatch Logs user guide, "Logs sent to Amazon S3"), which the next plan would remove again. So it has AWS's shape,
  # name included, and `name` makes whoever creates a delivery wait for it.
  dynamic "statement" {
    for_each = { for index, prefix in sort(keys(var.log_delivery_sources)) : prefix => index + 1 }

    content {
      sid       = "AWSLogDeliveryWrite${statement.value}"
      actions   = ["s3:PutObject"]
      resources = ["${local.arn}/${statement.key}/*"]
      principals {
        type        = "Service"
        identifiers = ["delivery.logs.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
      condition {
        test     = "StringEquals"
        variable = "s3:x-amz-acl"
        values   = ["bucket-owner-full-control"]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [var.log_delivery_sources[statement.key]]
      }
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
