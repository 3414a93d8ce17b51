provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  bucket_name = "impp-test-123456789012-ingest"
}

run "each_tag_value_moves_to_its_storage_class" {
  command = plan

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.originals.rule : rule.filter[0].tag[0].value => "${tolist(rule.transition)[0].storage_class} after ${tolist(rule.transition)[0].days}"
      if length(rule.filter[0].tag) > 0
      } == {
      deep-archive = "DEEP_ARCHIVE after 1"
      glacier-fr   = "GLACIER after 1"
      glacier-ir   = "GLACIER_IR after 1"
      intelligent  = "INTELLIGENT_TIERING after 0"
      standard-ia  = "STANDARD_IA after 30"
    }
    error_message = "Each value of the archive tag must have exactly its own transition."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.originals.rule : rule.filter[0].tag[0].key == "impp:archive" if length(rule.filter[0].tag) > 0])
    error_message = "Only the archive tag may choose a storage class."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.originals.transition_default_minimum_object_size == "all_storage_classes_128K"
    error_message = "Small objects must not move: that costs more than it saves."
  }

  assert {
    condition     = output.storage_classes["standard"] == "STANDARD" && length(output.storage_classes) == 6
    error_message = "The output must contain all six classes, including standard."
  }
}

run "only_old_versions_expire" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.originals.rule :
      alltrue([for expiration in rule.expiration : coalesce(expiration.days, 0) == 0 && expiration.date == null && expiration.expired_object_delete_marker])
    ])
    error_message = "No rule may delete a current version: originals are never lost."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.originals.rule : rule.noncurrent_version_expiration[0].noncurrent_days if rule.id == "expire-noncurrent"] == [30]
    error_message = "Replaced versions must stay recoverable for 30 days."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.originals.rule : rule.abort_incomplete_multipart_upload[0].days_after_initiation if rule.id == "abort-multipart"] == [7]
    error_message = "Unfinished uploads must be removed, but not within a week: an edge box may be offline for that long."
  }

  assert {
    condition     = length(aws_s3_bucket_intelligent_tiering_configuration.originals) == 0
    error_message = "Archive tiers of Intelligent-Tiering must be off by default."
  }
}

run "old_versions_can_be_kept_forever" {
  command = plan

  variables {
    noncurrent_versions = { expire_after_days = 0 }
  }

  assert {
    condition     = !contains(aws_s3_bucket_lifecycle_configuration.originals.rule[*].id, "expire-noncurrent")
    error_message = "expire_after_days = 0 must omit the rule."
  }
}

run "intelligent_tiering_has_optional_archive_tiers" {
  command = plan

  variables {
    intelligent_archive = { deep_archive_after_days = 365 }
  }

  assert {
    condition     = [for tier in aws_s3_bucket_intelligent_tiering_configuration.originals[0].tiering : "${tier.access_tier} ${tier.days}"] == ["DEEP_ARCHIVE_ACCESS 365"]
    error_message = "Only the requested tier may be configured."
  }

  assert {
    condition     = aws_s3_bucket_intelligent_tiering_configuration.originals[0].filter[0].tags == tomap({ "impp:archive" = "intelligent" })
    error_message = "Only assets tagged intelligent may go deeper."
  }
}

run "rejects_an_early_transition_to_standard_ia" {
  command = plan

  variables {
    transition_after_days = { standard_ia = 7 }
  }

  expect_failures = [var.transition_after_days]
}

run "sidecars_never_move" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.originals.rule :
      length(rule.filter[0].tag) == 1 || (length(rule.transition) == 0 && try(length(rule.filter[0].prefix), 0) == 0)
    ])
    error_message = "Only objects with the archive tag may move: sidecars have none."
  }
}

run "rejects_aborting_uploads_within_a_week" {
  command = plan

  variables {
    abort_multipart_after_days = 6
  }

  expect_failures = [var.abort_multipart_after_days]
}

run "rejects_fractions_of_days" {
  command = plan

  variables {
    abort_multipart_after_days = 7.5
    transition_after_days      = { glacier_ir = 1.5 }
  }

  expect_failures = [var.abort_multipart_after_days, var.transition_after_days]
}

run "rejects_tiers_and_versions_beyond_s3_limits" {
  command = plan

  variables {
    intelligent_archive = { archive_after_days = 30, deep_archive_after_days = 90 }
    minimum_object_size = "none"
    noncurrent_versions = { expire_after_days = -1, keep_newest = 101 }
  }

  expect_failures = [var.intelligent_archive, var.minimum_object_size, var.noncurrent_versions]
}
