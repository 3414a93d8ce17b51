data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account           = data.aws_caller_identity.current.account_id
  partition         = data.aws_partition.current.partition
  region            = data.aws_region.current.name
  s3                = "arn:${local.partition}:s3:::"
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.state_machine_name}"
  table_arn         = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.catalog_table_name}"

  functions = {
    analyze = {
      description          = "Labels, moderation, text and faces of an asset's frames."
      ephemeral_storage_mb = 512
      memory_mb            = 512
      timeout_s            = 900
    }
    # Decoding is CPU-bound, and 1769 MB come with one full core. Keyframes are read by range, not by file.
    sample = {
      description          = "Picks distinct keyframes, makes poster and storyboard, detects speech."
      ephemeral_storage_mb = 2048
      memory_mb            = 1769
      timeout_s            = 900
    }
    # An original that Transcribe does not take as it is (QuickTime, over 2 GB) is read whole for its sound, which is
    # written to /tmp: 300 MB for the four hours that are the most.
    transcribe = {
      description          = "Stores the task token, then starts the transcription; returns at once if nobody speaks."
      ephemeral_storage_mb = 512
      memory_mb            = 1024
      timeout_s            = 900
    }
  }

  environment = {
    IMPP_CATALOG_TABLE       = var.catalog_table_name
    IMPP_INGEST_BUCKET       = var.buckets.ingest
    IMPP_MAX_FRAMES          = tostring(var.settings.max_frames)
    IMPP_TRANSCRIBE_LANGUAGE = var.settings.transcribe_language
    IMPP_WORK_BUCKET         = var.buckets.work
    POWERTOOLS_LOG_LEVEL     = var.settings.log_level
  }

  # Environment of single functions. Without a key Transcribe encrypts transcripts with S3's own, regardless of the bucket's.
  environments = {
    transcribe = { IMPP_KMS_KEY_ARN = var.kms_key_arn }
  }
}

module "function" {
  source   = "../function"
  for_each = { for name, function in local.functions : name => function if contains(keys(var.functions), name) }

  name                 = "${var.name}-${each.key}"
  artifact             = var.functions[each.key].artifact
  description          = each.value.description
  environment          = merge(local.environment, lookup(local.environments, each.key, {}), { POWERTOOLS_SERVICE_NAME = each.key })
  ephemeral_storage_mb = each.value.ephemeral_storage_mb
  kms_key_arn          = var.kms_key_arn
  log_retention_days   = var.log_retention_days
  memory_mb            = coalesce(var.functions[each.key].memory_mb, each.value.memory_mb)
  policy_json          = data.aws_iam_policy_document.function[each.key].json
  tags                 = var.tags
  timeout_s            = coalesce(var.functions[each.key].timeout_s, each.value.timeout_s)
}
