data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account     = data.aws_caller_identity.current.account_id
  partition   = data.aws_partition.current.partition
  region      = data.aws_region.current.id
  secret_name = "${var.name}-webhooks"
  topics = {
    for key, topic in { alerts = "${var.name}-alerts", fallback = "${var.name}-alerts-fallback", muted = "${var.name}-alerts-muted" } :
    key => { arn = "arn:${local.partition}:sns:${local.region}:${local.account}:${topic}", name = topic }
  }
}

resource "aws_sns_topic" "alerts" {
  name              = local.topics.alerts.name
  kms_master_key_id = var.kms_key_arn
  policy            = data.aws_iam_policy_document.alerts.json
  tags              = var.tags
}

# For alarms about alerting itself, which must not depend on the notifier: it has e-mail subscribers only.
resource "aws_sns_topic" "fallback" {
  name              = local.topics.fallback.name
  kms_master_key_id = var.kms_key_arn
  policy            = data.aws_iam_policy_document.topic["fallback"].json
  tags              = var.tags
}

# For alerts beyond a device's daily number. Nobody is subscribed: whoever wants each of them may be.
resource "aws_sns_topic" "muted" {
  name              = local.topics.muted.name
  kms_master_key_id = var.kms_key_arn
  policy            = data.aws_iam_policy_document.topic["muted"].json
  tags              = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.alerts.arn
  endpoint  = each.value
  protocol  = "email"
}

resource "aws_sns_topic_subscription" "fallback_email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.fallback.arn
  endpoint  = each.value
  protocol  = "email"
}

resource "aws_sns_topic_subscription" "notifier" {
  topic_arn      = aws_sns_topic.alerts.arn
  endpoint       = module.notifier.arn
  protocol       = "lambda"
  redrive_policy = jsonencode({ deadLetterTargetArn = module.dead_letter.arn })

  depends_on = [aws_lambda_permission.topic]
}

# For alerts that SNS could not deliver to the notifier and alerts that the notifier could not post.
module "dead_letter" {
  source = "../dead_letter"

  name        = "${var.name}-alerts-dlq"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  senders = {
    KeepWhatSnsCouldNotDeliver = {
      service    = "sns.amazonaws.com"
      source_arn = local.topics.alerts.arn
    }
  }
}

moved {
  from = aws_sqs_queue.dead_letter
  to   = module.dead_letter.aws_sqs_queue.this
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${var.name}-alerts-undelivered"
  alarm_actions       = [aws_sns_topic.fallback.arn]
  alarm_description   = "Alerts reached no chat channel: read them in queue ${module.dead_letter.name} and the cause in the notifier's log."
  comparison_operator = "GreaterThanThreshold"
  dimensions          = { QueueName = module.dead_letter.name }
  evaluation_periods  = 1
  metric_name         = "ApproximateNumberOfMessagesVisible"
  namespace           = "AWS/SQS"
  ok_actions          = [aws_sns_topic.fallback.arn]
  period              = 300
  statistic           = "Maximum"
  tags                = var.tags
  threshold           = 0
  treat_missing_data  = "notBreaching"
}
