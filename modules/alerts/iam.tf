# Statements of the topics. The account's own roles and users need no statement here: their IAM policies suffice.
data "aws_iam_policy_document" "topic" {
  for_each = local.topics

  dynamic "statement" {
    for_each = each.key == "muted" ? [] : [each.value.arn]

    content {
      sid       = "Alarms"
      actions   = ["sns:Publish"]
      resources = [statement.value]
      principals {
        type        = "Service"
        identifiers = ["cloudwatch.amazonaws.com"]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:*"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }

  statement {
    sid       = "RefuseWithoutTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

data "aws_iam_policy_document" "alerts" {
  source_policy_documents = [data.aws_iam_policy_document.topic["alerts"].json]

  # EventBridge passes no source to SNS: with a condition on it this statement would silently allow nothing.
  statement {
    sid       = "Events"
    actions   = ["sns:Publish"]
    resources = [local.topics.alerts.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "Budgets"
    actions   = ["sns:Publish"]
    resources = [local.topics.alerts.arn]
    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:budgets::${local.account}:*"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "CostAnomalies"
    actions   = ["sns:Publish"]
    resources = [local.topics.alerts.arn]
    principals {
      type        = "Service"
      identifiers = ["costalerts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}
