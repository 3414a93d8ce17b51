data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  rule_arn  = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${aws_cloudwatch_event_rule.created.name}"
}

# Matches every kind of upload: a filter on the reason PutObject would miss multipart uploads.
resource "aws_cloudwatch_event_rule" "created" {
  name        = "${var.name}-object-created"
  description = "A new object below ${var.prefix} of ${var.bucket_name} starts the pipeline."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket_name] }
      object = { key = [{ prefix = var.prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "state_machine" {
  rule      = aws_cloudwatch_event_rule.created.name
  target_id = "state-machine"
  arn       = var.state_machine_arn
  role_arn  = aws_iam_role.this.arn

  dead_letter_config {
    arn = module.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  depends_on = [
    aws_iam_role_policy.encryption,
    aws_iam_role_policy.start,
  ]
}

module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-ingest-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    KeepWhatCouldNotStart = {
      service    = "events.amazonaws.com"
      source_arn = local.rule_arn
    }
  }
}

moved {
  from = aws_sqs_queue.dead_letter
  to   = module.dead_letter.aws_sqs_queue.this
}
