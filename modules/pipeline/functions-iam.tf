locals {
  originals = ["${local.s3}${var.buckets.ingest}/originals/*"]

  # Without it S3 answers 403 instead of 404 for a missing object.
  find_originals = {
    actions   = ["s3:ListBucket"]
    resources = ["${local.s3}${var.buckets.ingest}"]
  }

  # PutObjectTagging replaces all tags, so every writer of a tag reads the others first.
  tag_originals = {
    actions = [
      "s3:GetObject",
      "s3:GetObjectTagging",
      "s3:GetObjectVersion",
      "s3:GetObjectVersionTagging",
      "s3:PutObjectTagging",
      "s3:PutObjectVersionTagging",
    ]
    resources = local.originals
  }

  use_catalog = {
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [local.table_arn]
  }

  # Permissions by function and statement id, in addition to those that module function grants to every function.
  statements = {
    archive = {
      FindOriginals = local.find_originals
      TagOriginals  = local.tag_originals
    }

    failure = {
      Alert = {
        actions   = ["sns:Publish"]
        resources = [var.alert_topic_arn]
      }
      FindOriginals = local.find_originals
      ReadExecutions = {
        actions   = ["states:DescribeExecution"]
        resources = ["${replace(local.state_machine_arn, ":stateMachine:", ":execution:")}:*"]
      }
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog
    }

    inspect = {
      # MediaConvert reads a copy of an original whose key has unusual characters; Probe reads it as Inspect.
      CopyOriginals = {
        actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        resources = ["${local.s3}${var.buckets.work}/work/*"]
      }
      FindOriginals = local.find_originals
      # Probe supports no resources. It reads with the caller's permissions.
      ProbeMedia = {
        actions   = ["mediaconvert:Probe"]
        resources = ["*"]
      }
      # Inspect tags a second copy of known content and ends its execution.
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog
    }

    publish = {
      # Publish leaves missing files out of the manifest. Without ListBucket S3 answers 403 instead of 404.
      FindDelivered = {
        actions   = ["s3:ListBucket"]
        resources = ["${local.s3}${var.buckets.delivery}"]
      }
      FindOriginals = local.find_originals
      FindWork = {
        actions   = ["s3:ListBucket"]
        resources = ["${local.s3}${var.buckets.work}"]
      }
      ReadWork = {
        actions   = ["s3:GetObject"]
        resources = ["${local.s3}${var.buckets.work}/work/*"]
      }
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog
      WriteDelivered = {
        actions   = ["s3:GetObject", "s3:PutObject"]
        resources = ["${local.s3}${var.buckets.delivery}/assets/*"]
      }
    }

    quarantine = {
      FindOriginals = local.find_originals
      TagOriginals  = local.tag_originals
      UseCatalog    = local.use_catalog
    }
  }
}

data "aws_iam_policy_document" "function" {
  for_each = local.statements

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}
