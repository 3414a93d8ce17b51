resource "aws_iam_role" "this" {
  name                 = "${var.name}-ingest"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "start" {
  name   = "start"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.start.json
}

resource "aws_iam_role_policy" "encryption" {
  name   = "encryption"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.encryption.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.rule_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "start" {
  statement {
    sid       = "StartExecutions"
    actions   = ["states:StartExecution"]
    resources = [var.state_machine_arn]
  }
}

# Step Functions encrypts an execution's input with the state machine's key and the caller's permissions.
data "aws_iam_policy_document" "encryption" {
  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}
