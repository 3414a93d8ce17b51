data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account           = data.aws_caller_identity.current.account_id
  partition         = data.aws_partition.current.partition
  region            = data.aws_region.current.id
  s3                = "arn:${local.partition}:s3:::"
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.state_machine_name}"
  table_arn         = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.catalog_table_name}"

  environment = {
    IMPP_CATALOG_TABLE       = var.catalog_table_name
    IMPP_DELIVERY_BUCKET     = var.buckets.delivery
    IMPP_INGEST_BUCKET       = var.buckets.ingest
    IMPP_MAX_FRAMES          = tostring(var.settings.max_frames)
    IMPP_TRANSCRIBE_LANGUAGE = var.settings.transcribe_language
    IMPP_WORK_BUCKET         = var.buckets.work
    POWERTOOLS_LOG_LEVEL     = var.settings.log_level
  }

  # Environment of single functions. Without a key Transcribe encrypts transcripts with S3's own, regardless of the bucket's.
  environments = {
    analyze = { for name, value in { IMPP_CUSTOM_DETECTORS = jsonencode(local.detectors_given) } : name => value if length(var.custom_detectors) > 0 }
    analyze_video = {
      IMPP_VIDEO_ROLE_ARN  = local.video_role_arn
      IMPP_VIDEO_TOPIC_ARN = local.video_topic_arn
    }
    hear = {
      IMPP_TRANSCRIBE_FALLBACK_LANGUAGE = var.settings.transcribe_fallback_language
    }
    transcribe = {
      IMPP_KMS_KEY_ARN                  = var.kms_key_arn
      IMPP_TRANSCRIBE_FALLBACK_LANGUAGE = var.settings.transcribe_fallback_language
    }
  }
}

# The functions of the build that this module has a policy for (iam.tf).
module "function" {
  source   = "../function"
  for_each = { for name, function in var.functions : name => function if contains(keys(local.statements), name) && name != "resume" && (name != "analyze_video" || length(local.video) > 0) }

  name                     = "${var.name}-${replace(each.key, "_", "-")}"
  artifact                 = each.value
  description              = each.value.description
  environment              = merge(local.environment, lookup(local.environments, each.key, {}), { POWERTOOLS_SERVICE_NAME = each.key })
  ephemeral_storage_mb     = each.value.ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = each.value.memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function[each.key].json
  tags                     = var.tags
  timeout_s                = each.value.timeout_s
}
