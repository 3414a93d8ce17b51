resource "aws_iam_role" "state_machine" {
  name                 = local.state_machine_name
  assume_role_policy   = data.aws_iam_policy_document.state_machine_trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "state_machine" {
  name   = "states"
  role   = aws_iam_role.state_machine.name
  policy = data.aws_iam_policy_document.state_machine.json
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "state_machine_encryption" {
  name   = "encryption"
  role   = aws_iam_role.state_machine.name
  policy = data.aws_iam_policy_document.state_machine_encryption.json
}

data "aws_iam_policy_document" "state_machine_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.state_machine_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "CallFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = values(local.called_function_arns)
  }

  statement {
    sid       = "Claim"
    actions   = ["dynamodb:PutItem"]
    resources = [local.table_arn]
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["CLAIM#*"]
    }
  }

  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = [var.alert_topic_arn, var.muted_topic_arn]
  }

  dynamic "statement" {
    for_each = var.transcode == null ? [] : [var.transcode]

    content {
      sid       = "StartTranscoding"
      actions   = ["mediaconvert:CreateJob"]
      resources = [statement.value.queue_arn]
    }
  }

  # Step Functions tags every job that it creates with the rule that it manages, and CreateJob with tags needs TagResource
  # (Step Functions developer guide, "IAM policies for AWS Elemental MediaConvert"; Service Authorization Reference,
  # mediaconvert:CreateJob). MediaConvert may check it on the queue or on the new job, whose ARN is a random id.
  dynamic "statement" {
    for_each = var.transcode == null ? [] : [var.transcode]

    content {
      sid     = "TagTranscoding"
      actions = ["mediaconvert:TagResource"]
      resources = [
        "arn:${local.partition}:mediaconvert:${local.region}:${local.account}:jobs/*",
        statement.value.queue_arn,
      ]
    }
  }

  # A job's ARN is its random id.
  dynamic "statement" {
    for_each = var.transcode == null ? [] : [var.transcode]

    content {
      sid       = "FollowTranscoding"
      actions   = ["mediaconvert:CancelJob", "mediaconvert:GetJob"]
      resources = ["arn:${local.partition}:mediaconvert:${local.region}:${local.account}:jobs/*"]
    }
  }

  # `createJob.sync` is notified of the job's end by a rule that Step Functions manages under this name.
  dynamic "statement" {
    for_each = var.transcode == null ? [] : [var.transcode]

    content {
      sid       = "HearOfTranscoding"
      actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      resources = ["arn:${local.partition}:events:${local.region}:${local.account}:rule/StepFunctionsGetEventsForMediaConvertJobRule"]
    }
  }

  dynamic "statement" {
    for_each = var.transcode == null ? [] : [var.transcode]

    content {
      sid       = "LendTheTranscodingRole"
      actions   = ["iam:PassRole"]
      resources = [statement.value.role_arn]
      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["mediaconvert.amazonaws.com"]
      }
    }
  }

  # For the single look at a job whose event did not arrive.
  dynamic "statement" {
    for_each = contains(keys(var.task_function_arns), "transcribe") ? ["impp-*"] : []

    content {
      sid       = "LookAtTranscription"
      actions   = ["transcribe:GetTranscriptionJob"]
      resources = ["arn:${local.partition}:transcribe:${local.region}:${local.account}:transcription-job/${statement.value}"]
    }
  }

  # CloudWatch's log delivery API supports no resources.
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  # X-Ray supports no resource for traces.
  statement {
    sid = "SendTraces"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "state_machine_encryption" {
  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}
