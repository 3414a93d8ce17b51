locals {
  # Without it S3 answers 403 instead of 404 for a missing object.
  find = {
    for bucket in ["delivery", "ingest"] : bucket => {
      actions   = ["s3:ListBucket"]
      resources = ["${local.s3}${var.buckets[bucket]}"]
    }
  }

  # Permissions by function and statement id, in addition to those that module function grants to every function.
  statements = {
    render = {
      # HeadObject tells where the original is stored.
      FindOriginals = local.find.ingest
      LookAtOriginals = {
        actions   = ["s3:GetObject", "s3:GetObjectVersion"]
        resources = ["${local.s3}${var.buckets.ingest}/originals/*"]
      }
      UseCatalog = {
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        resources = [local.table_arn]
      }
    }

    rendered = {
      Alert = {
        actions   = ["sns:Publish"]
        resources = [var.alert_topic_arn]
      }
      FindDelivered = local.find.delivery
      UseCatalog = {
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
        resources = [local.table_arn]
      }
      ReadDelivered = {
        actions   = ["s3:GetObject"]
        resources = ["${local.s3}${var.buckets.delivery}/assets/*"]
      }
      WriteManifestsAndIndex = {
        actions = ["s3:GetObject", "s3:PutObject"]
        resources = [
          for key in ["assets/*/hls/*.m3u8", "assets/*/manifest.json", "index/*"] : "${local.s3}${var.buckets.delivery}/${key}"
        ]
      }
    }

    restore = {
      AnswerTasks = {
        actions   = ["states:SendTaskSuccess"]
        resources = [local.state_machine_arn]
      }
      FindOriginals = local.find.ingest
      KeepTokens = {
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
        resources = [local.table_arn]
      }
      RestoreOriginals = {
        actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:RestoreObject"]
        resources = ["${local.s3}${var.buckets.ingest}/originals/*"]
      }
    }
  }
}

data "aws_iam_policy_document" "function" {
  for_each = local.statements

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

# The rule's role, which starts executions.
resource "aws_iam_role" "events" {
  name                 = "${local.state_machine_name}-requested"
  assume_role_policy   = data.aws_iam_policy_document.trust["events"].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "events" {
  name   = "start"
  role   = aws_iam_role.events.name
  policy = data.aws_iam_policy_document.start.json
}

# Step Functions encrypts an execution's input with the state machine's key and the caller's permissions.
resource "aws_iam_role_policy" "events_encryption" {
  name   = "encryption"
  role   = aws_iam_role.events.name
  policy = data.aws_iam_policy_document.encryption.json
}

data "aws_iam_policy_document" "start" {
  statement {
    sid       = "StartExecutions"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arn]
  }
}

data "aws_iam_policy_document" "encryption" {
  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = {
    events = "${local.events}${var.name}-requested"
    states = local.state_machine_arn
  }

  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [each.value]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

# The function `render` has a role with the state machine's name.
resource "aws_iam_role" "state_machine" {
  name                 = "${local.state_machine_name}-states"
  assume_role_policy   = data.aws_iam_policy_document.trust["states"].json
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
  policy = data.aws_iam_policy_document.encryption.json
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "CallFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.function : function.arn]
  }

  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = [var.alert_topic_arn]
  }

  statement {
    sid       = "StartTranscoding"
    actions   = ["mediaconvert:CreateJob"]
    resources = [var.transcode.queue_arn]
  }

  # For the tag of Step Functions' own rule, on the queue or on the new job, whose ARN is a random id (see module pipeline).
  statement {
    sid     = "TagTranscoding"
    actions = ["mediaconvert:TagResource"]
    resources = [
      "arn:${local.partition}:mediaconvert:${local.region}:${local.account}:jobs/*",
      var.transcode.queue_arn,
    ]
  }

  statement {
    sid       = "FollowTranscoding"
    actions   = ["mediaconvert:CancelJob", "mediaconvert:GetJob"]
    resources = ["arn:${local.partition}:mediaconvert:${local.region}:${local.account}:jobs/*"]
  }

  # `createJob.sync` is notified of the job's end by a rule that Step Functions manages under this name.
  statement {
    sid       = "HearOfTranscoding"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["${local.events}StepFunctionsGetEventsForMediaConvertJobRule"]
  }

  statement {
    sid       = "LendTheTranscodingRole"
    actions   = ["iam:PassRole"]
    resources = [var.transcode.role_arn]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["mediaconvert.amazonaws.com"]
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
