# Only findings about these buckets: the account may have others.
resource "aws_cloudwatch_event_rule" "findings" {
  count = var.enabled ? 1 : 0

  name        = local.rule_name
  description = "Macie findings in the buckets of ${var.name}."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.macie"]
    detail-type = ["Macie Finding"]
    detail      = { resourcesAffected = { s3Bucket = { name = sort(var.bucket_names) } } }
  })
}

# The shape of every other alert, so that the notifier needs no code for Macie.
resource "aws_cloudwatch_event_target" "topic" {
  count = var.enabled ? 1 : 0

  rule      = aws_cloudwatch_event_rule.findings[0].name
  target_id = "alerts"
  arn       = var.topic_arn

  dead_letter_config {
    arn = module.dead_letter[0].arn
  }

  input_transformer {
    input_paths = {
      bucket   = "$.detail.resourcesAffected.s3Bucket.name"
      finding  = "$.detail.id"
      level    = "$.detail.severity.description"
      object   = "$.detail.resourcesAffected.s3Object.key"
      region   = "$.region"
      title    = "$.detail.title"
      type     = "$.detail.type"
      detected = "$.detail.createdAt"
    }

    # A heredoc, because jsonencode would escape the angle brackets of the placeholders.
    input_template = <<-EOT
      {
        "severity": "warning",
        "kind": "alarm",
        "asset": null,
        "title": "Macie: <title>",
        "text": "<level> finding <type> in s3://<bucket>/<object>, detected <detected>.",
        "links": [{"title": "Open the finding", "url": "https://<region>.console.aws.amazon.com/macie/home?region=<region>#findings?itemId=<finding>"}],
        "usd": null
      }
    EOT
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

module "dead_letter" {
  source = "../dead_letter"
  count  = var.enabled ? 1 : 0

  name        = "${var.name}-macie-findings-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    KeepFindingsThatCouldNotBeSent = {
      service    = "events.amazonaws.com"
      source_arn = local.rule_arn
    }
  }
}

moved {
  from = aws_sqs_queue.dead_letter[0]
  to   = module.dead_letter[0].aws_sqs_queue.this
}
