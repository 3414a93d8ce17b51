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

  # Items by the prefix of their key: what follows a file, but not what quotes have learned, tokens or requests.
  use_catalog = {
    actions      = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    catalog_keys = ["ASSET#*", "CLAIM#*", "SERVICES#*", "SPEND#*"]
    resources    = [local.table_arn]
  }

  # Also how many alerts a device has caused on a day.
  use_catalog_and_alert = merge(local.use_catalog, { catalog_keys = concat(["ALERTS#*"], local.use_catalog.catalog_keys) })

  calibration = ["CALIBRATION#*"]

  # Publish leaves missing files out of the manifest, and a month has no index yet. Without ListBucket S3 answers 403
  # instead of 404.
  find_delivered = {
    actions   = ["s3:ListBucket"]
    resources = ["${local.s3}${var.buckets.delivery}"]
  }

  write_index = {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.s3}${var.buckets.delivery}/index/*"]
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
        resources = [var.alert_topic_arn, var.muted_topic_arn]
      }
      FindDelivered = local.find_delivered
      FindOriginals = local.find_originals
      ReadExecutions = {
        actions   = ["states:DescribeExecution"]
        resources = ["${replace(local.state_machine_arn, ":stateMachine:", ":execution:")}:*"]
      }
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog_and_alert
      WriteIndex   = local.write_index
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
      # Quotes follow what ledgers have taught (docs/design/adr/0026-quotes-learn-from-ledgers.md); only Publish teaches.
      ReadCalibration = {
        actions      = ["dynamodb:GetItem"]
        catalog_keys = local.calibration
        resources    = [local.table_arn]
      }
      # Inspect tags a second copy of known content and ends its execution.
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog
    }

    publish = {
      Calibrate = {
        actions      = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        catalog_keys = local.calibration
        resources    = [local.table_arn]
      }
      FindDelivered = local.find_delivered
      FindOriginals = local.find_originals
      FindWork = {
        actions   = ["s3:ListBucket"]
        resources = ["${local.s3}${var.buckets.work}"]
      }
      ReadDelivered = {
        actions   = ["s3:GetObject"]
        resources = ["${local.s3}${var.buckets.delivery}/assets/*"]
      }
      ReadWork = {
        actions   = ["s3:GetObject"]
        resources = ["${local.s3}${var.buckets.work}/work/*"]
      }
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog_and_alert
      # Documents and pictures, by their endings: films come from proxy and MediaConvert.
      WriteDelivered = {
        actions = ["s3:PutObject"]
        resources = [
          for ending in ["jpg", "json", "m3u8", "srt", "vtt", "webp"] : "${local.s3}${var.buckets.delivery}/assets/*.${ending}"
        ]
      }
      WriteIndex = local.write_index
    }

    quarantine = {
      FindDelivered = local.find_delivered
      FindOriginals = local.find_originals
      TagOriginals  = local.tag_originals
      UseCatalog    = local.use_catalog_and_alert
      WriteIndex    = local.write_index
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

      dynamic "condition" {
        for_each = try([statement.value.catalog_keys], [])

        content {
          test     = "ForAllValues:StringLike"
          variable = "dynamodb:LeadingKeys"
          values   = condition.value
        }
      }
    }
  }
}
