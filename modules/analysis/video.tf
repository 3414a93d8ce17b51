# Rekognition announces the end of an analysis of a video to a topic, whose subscriber `resume` answers the waiting execution.
locals {
  video = contains(keys(var.functions), "analyze_video") ? local.resume : toset([])

  video_topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-videos"
  video_role_arn  = "arn:${local.partition}:iam::${local.account}:role/${var.name}-rekognition"

  # By detector: JOBS in src/impp_lambdas/core/detect/video.py.
  video_apis = ["ContentModeration", "FaceDetection", "LabelDetection", "TextDetection"]

  look_at_videos = {
    actions   = [for api in local.video_apis : "rekognition:Get${api}"]
    condition = null
    resources = length(local.video) > 0 ? ["*"] : []
  }
}

resource "aws_sns_topic" "videos" {
  for_each = local.video

  name              = "${var.name}-videos"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_subscription" "videos" {
  for_each = local.video

  topic_arn      = aws_sns_topic.videos[each.key].arn
  endpoint       = module.resume["resume"].arn
  protocol       = "lambda"
  redrive_policy = jsonencode({ deadLetterTargetArn = module.dead_letter[each.key].arn })

  depends_on = [aws_lambda_permission.videos]
}

resource "aws_lambda_permission" "videos" {
  for_each = local.video

  statement_id  = "videos"
  action        = "lambda:InvokeFunction"
  function_name = module.resume["resume"].name
  principal     = "sns.amazonaws.com"
  source_arn    = local.video_topic_arn
}

# Rekognition publishes with a role that the starter of a job passes (Rekognition developer guide, "Configuring Amazon
# Rekognition Video"). It reads the video with the permissions of the starter.
resource "aws_iam_role" "rekognition" {
  for_each = local.video

  name                 = "${var.name}-rekognition"
  assume_role_policy   = data.aws_iam_policy_document.rekognition_trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "rekognition" {
  for_each = local.video

  name   = "publish"
  role   = aws_iam_role.rekognition[each.key].name
  policy = data.aws_iam_policy_document.rekognition.json
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "rekognition_encryption" {
  for_each = local.video

  name   = "encryption"
  role   = aws_iam_role.rekognition[each.key].name
  policy = data.aws_iam_policy_document.rekognition_encryption.json
}

data "aws_iam_policy_document" "rekognition_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["rekognition.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "rekognition" {
  statement {
    sid       = "AnnounceVideos"
    actions   = ["sns:Publish"]
    resources = [local.video_topic_arn]
  }
}

data "aws_iam_policy_document" "rekognition_encryption" {
  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}
