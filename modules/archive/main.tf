locals {
  # Transitions by value of the archive tag. The pipeline chooses each asset's value; only these rules act on it.
  classes = {
    for name, days in var.transition_after_days : replace(name, "_", "-") => {
      days          = days
      storage_class = lookup(local.class_names, name, upper(name))
    }
  }

  # Two tags are not S3's names of their classes. Those of further classes are.
  class_names = {
    glacier_fr  = "GLACIER"
    intelligent = "INTELLIGENT_TIERING"
  }

  intelligent_tiers = {
    for tier, days in {
      ARCHIVE_ACCESS      = var.intelligent_archive.archive_after_days
      DEEP_ARCHIVE_ACCESS = var.intelligent_archive.deep_archive_after_days
    } : tier => days if days != null
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "originals" {
  bucket                                 = var.bucket_name
  transition_default_minimum_object_size = var.minimum_object_size

  dynamic "rule" {
    for_each = local.classes
    content {
      id     = "archive-${rule.key}"
      status = "Enabled"

      filter {
        tag {
          key   = var.tag_key
          value = rule.key
        }
      }

      transition {
        days          = rule.value.days
        storage_class = rule.value.storage_class
      }
    }
  }

  rule {
    id     = "abort-multipart"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_multipart_after_days
    }
  }

  dynamic "rule" {
    for_each = toset(var.noncurrent_versions.expire_after_days > 0 ? [var.noncurrent_versions.expire_after_days] : [])
    content {
      id     = "expire-noncurrent"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        newer_noncurrent_versions = var.noncurrent_versions.keep_newest
        noncurrent_days           = rule.value
      }

      # A delete marker whose last version has expired hides nothing, but slows every listing.
      expiration {
        expired_object_delete_marker = true
      }
    }
  }
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "originals" {
  count = length(local.intelligent_tiers) > 0 ? 1 : 0

  bucket = var.bucket_name
  name   = "archive-intelligent"

  filter {
    tags = { (var.tag_key) = "intelligent" }
  }

  dynamic "tiering" {
    for_each = local.intelligent_tiers
    content {
      access_tier = tiering.key
      days        = tiering.value
    }
  }
}
