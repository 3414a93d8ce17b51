data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
}

resource "aws_kms_key" "this" {
  description             = "Everything ${var.name} stores: buckets, catalog, queues, topic, logs, secrets, executions."
  deletion_window_in_days = var.deletion_window_days
  enable_key_rotation     = true
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_kms_key_policy" "this" {
  key_id = aws_kms_key.this.key_id
  policy = data.aws_iam_policy_document.key.json
}

# In a key policy `Resource = "*"` means this key only.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:in a key policy "*" is this key; the account must be able to repair it
  #checkov:skip=CKV_AWS_111:in a key policy "*" is this key; the account must be able to repair it
  #checkov:skip=CKV_AWS_356:in a key policy "*" is this key

  # Roles use the key through their own IAM policies, each with two exact actions. Without `kms:*` for the account
  # nobody could repair this policy, and KMS rejects a key policy that locks its owner out.
  statement {
    sid       = "AccountAdministersThroughIam"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid = "LogGroupsOfTheAccount"
    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*"]
    }
  }

  # The log delivery service must decrypt the history that Step Functions gives it.
  statement {
    sid       = "LogDeliveryOfStateMachines"
    actions   = ["kms:Decrypt"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:SourceArn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:*"]
    }
  }

  # SNS writes to its dead-letter queue on behalf of a topic, and passes the topic's ARN.
  statement {
    sid       = "DeadLettersOfTopics"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:sns:${local.region}:${local.account}:*"]
    }
  }

  # Alarms, budgets and cost anomalies publish to the alert topic.
  statement {
    sid       = "MessagesFromServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type = "Service"
      identifiers = [
        "budgets.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "costalerts.amazonaws.com",
        "scheduler.amazonaws.com",
      ]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  # EventBridge writes to dead-letter queues and the alert topic. It passes no source to KMS: with a condition on the source
  # this statement would allow nothing, and events would be dropped silently (SNS developer guide, "Configuring AWS KMS
  # permissions"). The policies of queues and topic restrict the source instead.
  statement {
    sid       = "EventsFromEventBridge"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  # Any distribution of this account: naming one would create a cycle (distribution, bucket, key). The bucket's own policy
  # restricts reading to one distribution.
  statement {
    sid       = "DistributionsReadDelivery"
    actions   = ["kms:Decrypt"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudfront::${local.account}:distribution/*"]
    }
  }

  # Macie reads objects as its service-linked role, whose managed policy has no KMS action and cannot be changed (Macie
  # user guide, "Using service-linked roles" and "Analyzing encrypted Amazon S3 objects"). A statement for the account would
  # only delegate to IAM: it "does not by itself give any IAM users or roles access" (KMS developer guide, "Default key
  # policy"). And KMS rejects a principal that does not exist, as the role does not before Macie is first enabled. Hence
  # everybody, restricted by two conditions to that one role of this account.
  statement {
    sid       = "MacieReadsForItsFindings"
    actions   = ["kms:Decrypt"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = ["arn:${local.partition}:iam::${local.account}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"]
    }
  }
}
