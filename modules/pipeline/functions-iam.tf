locals {
  originals = ["${local.s3}${var.buckets.ingest}/originals/*"]

  # So that an object that is gone answers 404, not 403.
  find_originals = {
    actions   = ["s3:ListBucket"]
    resources = ["${local.s3}${var.buckets.ingest}"]
  }

  # Setting one tag keeps the others: hence every writer of tags reads them too.
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

  # By function and by statement id, what each may do beyond what module function gives to all.
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
      FindOriginals = local.find_originals
      # Probe knows no resources; what it may read are the caller's own objects.
      ProbeMedia = {
        actions   = ["mediaconvert:Probe"]
        resources = ["*"]
      }
      # A second copy of known content is tagged here and goes no further.
      TagOriginals = local.tag_originals
      UseCatalog   = local.use_catalog
    }

    publish = {
      # What is missing in them is left out of the manifest: 404 again, not 403.
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
