data "aws_iam_policy_document" "function" {
  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = [var.alert_topic_arn]
  }

  statement {
    sid = "UseCatalog"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]
    resources = [local.table_arn]
  }

  # Without ListBucket S3 answers 403 instead of 404 for a missing object.
  statement {
    sid       = "FindObjects"
    actions   = ["s3:ListBucket"]
    resources = [for bucket in values(var.buckets) : "${local.s3}${bucket}"]
  }

  statement {
    sid       = "FindVersions"
    actions   = ["s3:ListBucketVersions"]
    resources = ["${local.s3}${var.buckets.ingest}"]
  }

  statement {
    sid = "RestoreAndHoldOriginals"
    actions = [
      "s3:GetObject",
      "s3:GetObjectLegalHold",
      "s3:GetObjectVersion",
      "s3:PutObjectLegalHold",
      "s3:RestoreObject",
    ]
    resources = ["${local.s3}${var.buckets.ingest}/originals/*"]
  }

  statement {
    sid       = "LookAtSidecars"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.s3}${var.buckets.ingest}/sidecars/*"]
  }

  # Versions only: a plain delete would hide the object and keep its bytes.
  statement {
    sid     = "EraseOriginals"
    actions = ["s3:DeleteObjectVersion"]
    resources = [
      "${local.s3}${var.buckets.ingest}/originals/*",
      "${local.s3}${var.buckets.ingest}/sidecars/*",
    ]
  }

  statement {
    sid     = "EraseWhatWasMade"
    actions = ["s3:DeleteObject"]
    resources = [
      "${local.s3}${var.buckets.delivery}/assets/*",
      "${local.s3}${var.buckets.work}/work/*",
    ]
  }

  statement {
    sid       = "ReadDelivered"
    actions   = ["s3:GetObject"]
    resources = ["${local.s3}${var.buckets.delivery}/assets/*"]
  }

  statement {
    sid     = "WriteManifestsAndIndex"
    actions = ["s3:GetObject", "s3:PutObject"]
    resources = [
      "${local.s3}${var.buckets.delivery}/assets/*/manifest.json",
      "${local.s3}${var.buckets.delivery}/index/*",
    ]
  }

  statement {
    sid       = "Replay"
    actions   = ["states:StartExecution"]
    resources = [var.state_machine_arn]
  }

  # Only the event that asks this environment for renditions.
  statement {
    sid       = "RequestRenditions"
    actions   = ["events:PutEvents"]
    resources = ["${local.events}event-bus/default"]
    condition {
      test     = "StringEquals"
      variable = "events:source"
      values   = [var.name]
    }
    condition {
      test     = "StringEquals"
      variable = "events:detail-type"
      values   = ["Render requested"]
    }
  }
}

# Separate, because a distribution's id is known only after apply: the other policy stays known at plan.
resource "aws_iam_role_policy" "invalidate" {
  count = var.distribution == null ? 0 : 1

  name   = "invalidate"
  role   = module.function.role_name
  policy = data.aws_iam_policy_document.invalidate[0].json
}

data "aws_iam_policy_document" "invalidate" {
  count = var.distribution == null ? 0 : 1

  statement {
    sid       = "ForgetErased"
    actions   = ["cloudfront:CreateInvalidation"]
    resources = ["arn:${local.partition}:cloudfront::${local.account}:distribution/${var.distribution.id}"]
  }
}
