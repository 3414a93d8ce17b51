# Pull requests plan without any stored credential: GitHub's token, for this repository's pull requests only, is
# exchanged for a role that reads the account's set-up, and neither footage, catalog nor secrets.
locals {
  github = var.github_repository == null ? {} : { plan = var.github_repository }
}

resource "aws_iam_openid_connect_provider" "github" {
  for_each = local.github

  client_id_list = ["sts.amazonaws.com"]
  url            = "https://token.actions.githubusercontent.com"
}

resource "aws_iam_role" "github" {
  for_each = local.github

  name                 = "${local.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.github_trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_role_policy_attachment" "read_only" {
  for_each = local.github

  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
  role       = aws_iam_role.github[each.key].name
}

resource "aws_iam_role_policy" "plan" {
  for_each = local.github

  name   = "plan"
  role   = aws_iam_role.github[each.key].name
  policy = data.aws_iam_policy_document.plan.json
}

data "aws_iam_policy_document" "github_trust" {
  for_each = local.github

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github[each.key].arn]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${each.value}:pull_request"]
    }
  }
}

data "aws_iam_policy_document" "plan" {
  statement {
    sid       = "DecryptState"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.key.arn]
  }

  statement {
    sid       = "LockState"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${module.state.arn}/*.tflock"]
  }

  # ReadOnlyAccess reads data as well as set-up. A deny outweighs it; the state bucket is the one exception.
  statement {
    sid           = "NoObjectsButState"
    effect        = "Deny"
    actions       = ["s3:GetObject", "s3:GetObjectVersion"]
    not_resources = ["${module.state.arn}/*"]
  }

  statement {
    sid    = "NoOtherData"
    effect = "Deny"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:Scan",
      "secretsmanager:GetSecretValue",
      "sqs:ReceiveMessage",
      "states:GetExecutionHistory",
    ]
    resources = ["*"]
  }
}
