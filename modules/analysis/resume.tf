# Transcribe announces a job's end by an event; `resume` passes it on to the waiting execution. It does the same for
# Rekognition (video.tf), also in a build without transcription.
locals {
  resume          = contains(keys(var.functions), "resume") ? toset(["resume"]) : toset([])
  transcribed     = contains(keys(var.functions), "transcribe") ? local.resume : toset([])
  resume_rule_arn = one([for rule in aws_cloudwatch_event_rule.transcribed : "arn:${local.partition}:events:${local.region}:${local.account}:rule/${rule.name}"])
}

resource "aws_cloudwatch_event_rule" "transcribed" {
  for_each = local.transcribed

  name        = "${var.name}-transcribed"
  description = "Transcription jobs that completed or failed."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.transcribe"]
    detail-type = ["Transcribe Job State Change"]
    detail = {
      TranscriptionJobName   = [{ prefix = "impp-" }]
      TranscriptionJobStatus = ["COMPLETED", "FAILED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "resume" {
  for_each = local.transcribed

  rule      = aws_cloudwatch_event_rule.transcribed[each.key].name
  target_id = "resume"
  arn       = module.resume["resume"].arn

  dead_letter_config {
    arn = module.dead_letter[each.key].arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

# Separate from the other functions: all of them would wait half a minute for this one's queue.
module "resume" {
  source   = "../function"
  for_each = local.resume

  name                     = "${var.name}-resume"
  artifact                 = var.functions["resume"]
  dead_letter_arn          = module.dead_letter[each.key].arn
  description              = var.functions["resume"].description
  environment              = merge(local.environment, { POWERTOOLS_SERVICE_NAME = "resume" })
  ephemeral_storage_mb     = var.functions["resume"].ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions["resume"].memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function["resume"].json
  tags                     = var.tags
  timeout_s                = var.functions["resume"].timeout_s
}

resource "aws_lambda_permission" "resume" {
  for_each = local.transcribed

  statement_id  = "transcribed"
  action        = "lambda:InvokeFunction"
  function_name = module.resume["resume"].name
  principal     = "events.amazonaws.com"
  source_arn    = local.resume_rule_arn
}

# For rule and topic (event not delivered) and the function (event not processed).
module "dead_letter" {
  source   = "../dead_letter"
  for_each = local.resume

  name        = "${var.name}-resume-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = merge(
    { for key in local.transcribed : "KeepWhatWasNotDelivered" => {
      service    = "events.amazonaws.com"
      source_arn = local.resume_rule_arn
      }
    },
    { for key in local.video : "KeepVideosThatWereNotDelivered" => {
      service    = "sns.amazonaws.com"
      source_arn = local.video_topic_arn
    } },
  )
}

moved {
  from = aws_sqs_queue.resume["resume"]
  to   = module.dead_letter["resume"].aws_sqs_queue.this
}
