data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
}

# A separate queue costs nothing, does not compete with the account's other jobs, and can be paused on its own.
resource "aws_media_convert_queue" "this" {
  name         = var.name
  description  = "Renditions of ${var.name}."
  pricing_plan = "ON_DEMAND"
  tags         = var.tags
}

resource "aws_iam_role" "mediaconvert" {
  name                 = "${var.name}-mediaconvert"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "objects" {
  name   = "objects"
  role   = aws_iam_role.mediaconvert.name
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_role_policy" "encryption" {
  name   = "encryption"
  role   = aws_iam_role.mediaconvert.name
  policy = data.aws_iam_policy_document.encryption.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["mediaconvert.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "objects" {
  statement {
    sid       = "ReadOriginals"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["arn:${local.partition}:s3:::${var.input.bucket}/${var.input.prefix}*"]
  }

  dynamic "statement" {
    for_each = var.copies[*]

    content {
      sid       = "ReadCopies"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${statement.value.bucket}/${statement.value.prefix}*"]
    }
  }

  statement {
    sid       = "WriteRenditions"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [for pattern in var.output.keys : "arn:${local.partition}:s3:::${var.output.bucket}/${pattern}"]
  }
}

data "aws_iam_policy_document" "encryption" {
  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}
