# The most that a role of an environment can ever be allowed: an environment's own resources, and of them no more than the
# pipeline and its boxes do. Nobody who may only create roles with this boundary can gain more through them (IAM user
# guide, "Permissions boundaries for IAM entities").
locals {
  # ARNs of everything that has a name, by environment. IAM allows no wildcard for the service.
  named = {
    for environment in var.environments : environment => concat(
      [for bucket in ["", "/*"] : "arn:${local.partition}:s3:::impp-${environment}-*${bucket}"],
      [for name in [
        "budgets::${local.account}:budget/impp-${environment}-*",
        "cloudwatch::${local.account}:dashboard/impp-${environment}",
        "cloudwatch:*:${local.account}:alarm:impp-${environment}-*",
        "dynamodb:*:${local.account}:table/impp-${environment}-*",
        "events:*:${local.account}:rule/impp-${environment}-*",
        "kms:*:${local.account}:alias/impp-${environment}",
        "lambda:*:${local.account}:function:impp-${environment}-*",
        "lambda:*:${local.account}:layer:impp-${environment}-*",
        "logs:*:${local.account}:log-group:*/impp-${environment}-*",
        "mediaconvert:*:${local.account}:queues/impp-${environment}",
        "sagemaker:*:${local.account}:endpoint/impp-${environment}-*",
        "scheduler:*:${local.account}:schedule/impp-${environment}-*",
        "scheduler:*:${local.account}:schedule-group/impp-${environment}-*",
        "secretsmanager:*:${local.account}:secret:impp-${environment}-*",
        "sns:*:${local.account}:impp-${environment}-*",
        "sqs:*:${local.account}:impp-${environment}-*",
        "ssm:*:${local.account}:parameter/impp-${environment}/*",
        "states:*:${local.account}:execution:impp-${environment}-*",
        "states:*:${local.account}:stateMachine:impp-${environment}-*",
        "xray:*:${local.account}:group/impp-${environment}/*",
        ] : "arn:${local.partition}:${name}"
      ],
    )
  }

  boundary_arns = {
    for environment in var.environments : environment => "arn:${local.partition}:iam::${local.account}:policy/impp-${environment}-boundary"
  }
}

resource "aws_iam_policy" "boundary" {
  for_each = var.environments

  name        = "impp-${each.key}-boundary"
  description = "The most that roles of the environment ${each.key} may do."
  policy      = data.aws_iam_policy_document.boundary[each.key].json
}

data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_111:a boundary allows nothing by itself

  for_each = var.environments

  statement {
    sid = "OwnResources"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
      "lambda:InvokeFunction",
      "logs:CreateLogStream",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
      "mediaconvert:CreateJob",
      "mediaconvert:TagResource",
      "s3:AbortMultipartUpload",
      "s3:GetObject",
      "s3:GetObjectLegalHold",
      "s3:GetObjectTagging",
      "s3:GetObjectVersion",
      "s3:GetObjectVersionTagging",
      "s3:ListBucket",
      "s3:ListBucketVersions",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
      "s3:PutObjectTagging",
      "s3:PutObjectVersionTagging",
      "s3:RestoreObject",
      "sagemaker:InvokeEndpoint",
      "sagemaker:InvokeEndpointAsync",
      "secretsmanager:GetSecretValue",
      "sns:Publish",
      "sqs:SendMessage",
      "ssm:DeleteParameter",
      "ssm:GetParameter",
      "ssm:PutParameter",
      "states:DescribeExecution",
      "states:SendTaskFailure",
      "states:SendTaskHeartbeat",
      "states:SendTaskSuccess",
      "states:StartExecution",
    ]
    resources = local.named[each.key]
  }

  # For models of the user's own (module custom_model): their images, and volumes that only AWS attaches.
  statement {
    sid = "PullImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetAuthorizationToken",
      "ecr:GetDownloadUrlForLayer",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "LendTheKeyToVolumes"
    actions   = ["kms:CreateGrant"]
    resources = ["*"]
    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  # Their resources have ids or names that AWS chooses, or none at all.
  statement {
    sid = "WithoutNames"
    actions = [
      "ce:GetCostAndUsage",
      "cloudfront:CreateInvalidation",
      "cloudfront:CreatePublicKey",
      "cloudfront:DeletePublicKey",
      "cloudfront:GetKeyGroup",
      "cloudfront:GetPublicKey",
      "cloudfront:ListKeyGroups",
      "cloudfront:ListPublicKeys",
      "cloudfront:UpdateKeyGroup",
      "cloudwatch:PutMetricData",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyPair",
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
      "mediaconvert:CancelJob",
      "mediaconvert:GetJob",
      "mediaconvert:Probe",
      "mediaconvert:TagResource",
      "rekognition:Detect*",
      "rekognition:GetContentModeration",
      "rekognition:GetFaceDetection",
      "rekognition:GetLabelDetection",
      "rekognition:GetTextDetection",
      "rekognition:StartContentModeration",
      "rekognition:StartFaceDetection",
      "rekognition:StartLabelDetection",
      "rekognition:StartTextDetection",
      "transcribe:GetTranscriptionJob",
      "transcribe:StartTranscriptionJob",
      "transcribe:TagResource",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }

  # The one rule that Step Functions manages.
  statement {
    sid       = "HearOfTranscoding"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["arn:${local.partition}:events:*:${local.account}:rule/StepFunctionsGetEventsForMediaConvertJobRule"]
  }

  statement {
    sid       = "LendRoles"
    actions   = ["iam:PassRole"]
    resources = [for service in ["mediaconvert", "rekognition"] : "arn:${local.partition}:iam::${local.account}:role/impp-${each.key}-${service}"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["mediaconvert.amazonaws.com", "rekognition.amazonaws.com"]
    }
  }

  # The bus is the account's own; the function's policy admits one kind of event.
  statement {
    sid       = "RequestRenditions"
    actions   = ["events:PutEvents"]
    resources = ["arn:${local.partition}:events:*:${local.account}:event-bus/default"]
  }

  # One role may delete, or lift a hold, and no box or other function ever can.
  statement {
    sid       = "Erase"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectLegalHold"]
    resources = ["arn:${local.partition}:s3:::impp-${each.key}-*/*"]
    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = ["arn:${local.partition}:iam::${local.account}:role/impp-${each.key}-actions"]
    }
  }

  # The budget's action stops boxes by attaching a policy that denies everything, and nothing else may be attached.
  statement {
    sid       = "StopBoxes"
    actions   = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/impp-${each.key}-edge-*"]
    condition {
      test     = "ArnEquals"
      variable = "iam:PolicyARN"
      values   = ["arn:${local.partition}:iam::aws:policy/AWSDenyAll"]
    }
  }

  statement {
    sid       = "OtherEnvironments"
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]
    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/Deployment"
      values   = ["impp-*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:ResourceTag/Deployment"
      values   = ["impp-${each.key}"]
    }
  }
}
