data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  arn       = "arn:${local.partition}:s3:::${var.name}"
  partition = data.aws_partition.current.partition

  # Long enough to undo a mistake.
  noncurrent_days = 30
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:originals have one region; a copy in another would double their cost
  #checkov:skip=CKV_AWS_18:every bucket has access logs but the one that receives them
  #checkov:skip=CKV_AWS_21:originals are versioned; the other buckets hold what can be made again
  #checkov:skip=CKV_AWS_145:S3 cannot deliver access logs to a bucket with a KMS key; every other bucket has one
  #checkov:skip=CKV2_AWS_61:module archive owns the lifecycle of the originals; every other bucket has its own here
  #checkov:skip=CKV2_AWS_62:only originals start anything

  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      kms_master_key_id = var.kms_key_arn
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    # A bucket that never had versioning is "Disabled"; one that had it can only be "Suspended".
    status = var.versioning ? "Enabled" : "Disabled"
  }
}

# Object Lock alone protects nothing: single versions are put on hold, and S3 then deletes them for nobody, lifecycle rules
# included. Existing buckets take it too; once on, it stays, and versioning cannot be suspended (S3 user guide, "Locking
# objects with Object Lock"). With force_destroy the provider lifts holds before it deletes.
resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.object_lock ? 1 : 0

  bucket              = aws_s3_bucket_versioning.this.bucket
  object_lock_enabled = "Enabled"
}

resource "aws_s3_bucket_logging" "this" {
  count = var.log_bucket == null ? 0 : 1

  bucket        = aws_s3_bucket.this.id
  target_bucket = var.log_bucket
  target_prefix = "s3/${var.name}/"
}

resource "aws_s3_bucket_notification" "this" {
  count = var.eventbridge ? 1 : 0

  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300:the first rule ends uploads of every key; this looks at the rules of single prefixes

  count = var.manage_lifecycle ? 1 : 0

  # Rules about noncurrent versions are refused until versioning is on.
  bucket = aws_s3_bucket_versioning.this.bucket

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    # Parts of unfinished uploads are billed and invisible.
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = var.expire_after_days

    content {
      id     = "expire-${rule.key == "" ? "all" : trim(replace(rule.key, "/", "-"), "-")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.versioning ? [local.noncurrent_days] : []

    content {
      id     = "expire-noncurrent-versions"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }
}
