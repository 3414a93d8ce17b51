data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  rule_arn  = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.rule_name}"
  rule_name = "${var.name}-macie-findings"
}

# Macie is one per account and region, and DisableMacie "deletes all settings and resources for a Macie account" (Macie API
# reference), those of others too. Hence on request only: EnableMacie answers 409 where Macie is already enabled, so what
# this resource disables it has enabled itself.
resource "aws_macie2_account" "this" {
  count = var.enabled && var.macie.manage_account ? 1 : 0

  finding_publishing_frequency = coalesce(var.macie.finding_publishing_frequency, "SIX_HOURS")
  status                       = "ENABLED"
}

# Inspects new objects daily: transcripts, captions, manifests, and any document stored beside the footage.
resource "aws_macie2_classification_job" "daily" {
  count = var.enabled ? 1 : 0

  name                = "${var.name}-daily"
  description         = "Sensitive data in ${join(", ", sort(var.bucket_names))}."
  initial_run         = true
  job_type            = "SCHEDULED"
  sampling_percentage = var.macie.sampling_percentage
  tags                = var.tags

  s3_job_definition {
    bucket_definitions {
      account_id = local.account
      buckets    = sort(var.bucket_names)
    }

    # Conditions of one list must all hold, and exclusion has precedence (Macie API reference, ScopingForAccount), so the
    # size is one of what to include.
    scoping {
      includes {
        and {
          simple_scope_term {
            comparator = "LTE"
            key        = "OBJECT_SIZE"
            values     = [tostring(var.macie.max_object_mb * 1024 * 1024)]
          }
        }
      }

      dynamic "excludes" {
        for_each = length(var.macie.excluded_extensions) == 0 ? [] : [sort(var.macie.excluded_extensions)]

        content {
          and {
            simple_scope_term {
              comparator = "EQ"
              key        = "OBJECT_EXTENSION"
              values     = excludes.value
            }
          }
        }
      }
    }
  }

  schedule_frequency {
    daily_schedule = true
  }

  depends_on = [aws_macie2_account.this]
}
