# Trusts certificates of the box, signed by this authority only. The profile names all roles, so without the condition on
# the subject a box could assume any other box's role. Written with jsonencode, because a policy document that refers to
# the anchor is read only at apply, where no test sees it.
resource "aws_iam_role" "box" {
  for_each = local.boxes

  name                 = each.value.role_name
  description          = "Edge box ${each.key}: adds footage of ${join(", ", sort(coalesce(each.value.devices, [each.key])))}, and nothing else."
  max_session_duration = max(3600, var.session_duration_s) # IAM's minimum is an hour
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Principal = { Service = "rolesanywhere.amazonaws.com" }
      Condition = merge(
        {
          ArnEquals    = { "aws:SourceArn" = aws_rolesanywhere_trust_anchor.this.arn }
          StringEquals = { "aws:PrincipalTag/x509Subject/CN" = each.value.common_name }
        },
        length(each.value.serials) == 0 ? {} : { StringEqualsIgnoreCase = { "sts:RoleSessionName" = each.value.serials } },
      )
    }]
  })
}

resource "aws_iam_role_policy" "upload" {
  for_each = local.boxes

  name   = "upload"
  role   = aws_iam_role.box[each.key].name
  policy = data.aws_iam_policy_document.upload[each.key].json
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "encryption" {
  for_each = local.boxes

  name   = "encryption"
  role   = aws_iam_role.box[each.key].name
  policy = data.aws_iam_policy_document.encryption[each.key].json
}

data "aws_iam_policy_document" "upload" {
  for_each = local.boxes

  statement {
    sid = "AddFootage"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
      "s3:PutObjectTagging",
    ]
    resources = [for prefix in each.value.prefixes : "${local.bucket_arn}/${prefix}/*"]
  }

  # A stolen box must not replace objects either, so every write needs If-None-Match. Of a multipart upload's requests
  # only the completion creates the object, so the others do not need it.
  statement {
    sid       = "RefuseToReplace"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/*"]
    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
    condition {
      test     = "Bool"
      variable = "s3:ObjectCreationOperation"
      values   = ["true"]
    }
  }

  # Lifecycle rules act on the pipeline's tags. Tags of an upload are an s3:PutObjectTagging too, so the action stays
  # allowed, but not with these keys (S3 user guide, "Tagging and access control policies").
  statement {
    sid       = "RefuseTagsOfThePipeline"
    effect    = "Deny"
    actions   = ["s3:PutObject", "s3:PutObjectTagging"]
    resources = ["${local.bucket_arn}/*"]
    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "s3:RequestObjectTagKeys"
      values   = local.pipeline_tags
    }
  }

  # PutObjectTagging replaces all tags, so with other keys it would remove the pipeline's. A new object has none yet.
  dynamic "statement" {
    for_each = { Archive = "impp:archive", Source = "impp:source", State = "impp:state" }

    content {
      sid       = "RefuseToRetag${statement.key}"
      effect    = "Deny"
      actions   = ["s3:PutObjectTagging"]
      resources = ["${local.bucket_arn}/*"]
      condition {
        test     = "Null"
        variable = "s3:ExistingObjectTag/${statement.value}"
        values   = ["false"]
      }
    }
  }

  # The pipeline chooses the storage class, and the bucket the encryption: with a key of the box's own (SSE-C) nobody else
  # could read the footage. A missing header is no choice (Service Authorization Reference, s3:PutObject).
  dynamic "statement" {
    for_each = {
      Encryption   = { key = "s3:x-amz-server-side-encryption", value = "aws:kms" }
      StorageClass = { key = "s3:x-amz-storage-class", value = "STANDARD" }
    }

    content {
      sid       = "RefuseToChoose${statement.key}"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${local.bucket_arn}/*"]
      condition {
        test     = "Null"
        variable = statement.value.key
        values   = ["false"]
      }
      condition {
        test     = "StringNotEquals"
        variable = statement.value.key
        values   = [statement.value.value]
      }
    }
  }

  statement {
    sid       = "RefuseKeysOfItsOwn"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/*"]
    condition {
      test     = "Null"
      variable = "s3:x-amz-server-side-encryption-customer-algorithm"
      values   = ["false"]
    }
  }

  # HeadObject returns the checksum, and IAM has no action for it other than s3:GetObject.
  statement {
    sid       = "VerifyFootage"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [for prefix in each.value.prefixes : "${local.bucket_arn}/${prefix}/*"]
  }

  # Without it S3 answers 403 instead of 404 for a missing object.
  statement {
    sid       = "ListFootage"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in each.value.prefixes : "${prefix}/*"]
    }
  }

  # CloudWatch supports no resource for metrics. The condition restricts the namespace instead.
  statement {
    sid       = "SendHeartbeats"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.metric_namespace]
    }
  }
}

# Only through S3 and for this bucket: the encryption context is the bucket with a bucket key, else the object.
data "aws_iam_policy_document" "encryption" {
  for_each = local.boxes

  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.${local.dns_suffix}"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = concat([local.bucket_arn], [for prefix in each.value.prefixes : "${local.bucket_arn}/${prefix}/*"])
    }
  }
}
