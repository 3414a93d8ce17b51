# The role with which SageMaker pulls the image, loads the artifact and, asynchronously, reads frames and writes answers: a
# subset of what the developer guide lists ("How to use SageMaker AI execution roles", "CreateModel API"). The container
# itself runs with it too.
locals {
  # account.dkr.ecr.region.amazonaws.com/name:tag
  image_parts    = regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[a-z0-9.-]+/([^:@]+)", var.image)
  repository_arn = "arn:${local.partition}:ecr:${local.image_parts[1]}:${local.image_parts[0]}:repository/${local.image_parts[2]}"
}

resource "aws_iam_role" "model" {
  name                 = local.role_name
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "model" {
  name   = "model"
  role   = aws_iam_role.model.name
  policy = data.aws_iam_policy_document.model.json
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "encryption" {
  name   = "encryption"
  role   = aws_iam_role.model.name
  policy = data.aws_iam_policy_document.encryption.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "model" {
  #checkov:skip=CKV_AWS_356:a token of ECR belongs to no repository

  # AWS offers no resource for it.
  statement {
    sid       = "GetTokenForImages"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [local.repository_arn]
  }

  statement {
    sid       = "ReadArtifact"
    actions   = ["s3:GetObject"]
    resources = ["${local.s3}${var.artifact.bucket}/${var.artifact.key}"]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/sagemaker/Endpoints/${var.name}:*"]
  }

  dynamic "statement" {
    for_each = var.asynchronous[*]

    content {
      sid       = "ReadFrames"
      actions   = ["s3:GetObject"]
      resources = ["${local.s3}${statement.value.bucket}/${statement.value.frames_prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = var.asynchronous[*]

    content {
      sid       = "WriteAnswers"
      actions   = ["s3:PutObject"]
      resources = ["${local.s3}${statement.value.bucket}/${statement.value.answers_prefix}*"]
    }
  }
}

data "aws_iam_policy_document" "encryption" {
  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }

  # A volume of an instance is encrypted through a grant, which only AWS's own resources may get.
  statement {
    sid       = "LendTheKeyToVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]
    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}
