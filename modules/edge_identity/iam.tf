# Takes a certificate of the box, from this authority and no other. The profile names all roles, so that without the
# condition on the subject each box could take any other's role. Written as JSON, because a policy document that names the
# anchor would be read at apply only, where no test sees it.
resource "aws_iam_role" "box" {
  for_each = local.boxes

  name                 = each.value.role_name
  description          = "Edge box ${each.key}: adds footage of ${join(", ", sort(coalesce(each.value.devices, [each.key])))}, and nothing else."
  max_session_duration = max(3600, var.session_duration_s) # IAM knows no role of less than an hour
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

# Apart from the rest, because a key's ARN cannot be derived from its name: the rest stays readable in every plan.
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

  # What a stolen box must not do either: put something else in the place of what is there. Every write has to say
  # If-None-Match; only the completion of a multipart upload creates its object, so its other requests need not.
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

  # HeadObject tells the checksum, and IAM has no action for it but that of reading.
  statement {
    sid       = "VerifyFootage"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [for prefix in each.value.prefixes : "${local.bucket_arn}/${prefix}/*"]
  }

  # Without it S3 answers 403 instead of 404 for what is not there yet.
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

  # CloudWatch knows no resource for a metric; the namespace takes its place.
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

# Through S3 and for this bucket alone: by its own name where the bucket has a bucket key, by the object's where it has none.
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
