locals {
  answer_tasks = {
    actions   = ["states:SendTaskFailure", "states:SendTaskSuccess"]
    condition = null
    resources = [local.state_machine_arn]
  }

  # Without ListBucket S3 answers for an object that does not exist as if it were forbidden.
  find_work = {
    actions   = ["s3:ListBucket"]
    condition = null
    resources = ["${local.s3}${var.buckets.work}"]
  }

  # Items of jobs that are under way, and no others of the catalog: whoever takes over a function that reads strangers'
  # files must not rewrite what is known of assets, or what may be spent.
  of_tokens = { test = "ForAllValues:StringLike", variable = "dynamodb:LeadingKeys", values = ["TOKEN#*"] }

  look_at_transcription = {
    actions   = ["transcribe:GetTranscriptionJob"]
    condition = null
    resources = length(local.transcribed) > 0 ? ["arn:${local.partition}:transcribe:${local.region}:${local.account}:transcription-job/impp-*"] : []
  }

  read_originals = {
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    condition = null
    resources = ["${local.s3}${var.buckets.ingest}/originals/*"]
  }

  read_and_write_work = {
    actions   = ["s3:GetObject", "s3:PutObject"]
    condition = null
    resources = ["${local.s3}${var.buckets.work}/work/*"]
  }

  # Permissions by function and statement id, in addition to those that module function grants to every function.
  statements = {
    analyze = {
      for sid, statement in {
        AnswerTasks = local.answer_tasks
        AskEndpoints = {
          actions   = ["sagemaker:InvokeEndpoint"]
          condition = null
          resources = local.endpoint_arns.serverless
        }
        # The endpoint's own role reads frames and writes answers, which analyze finds in the work bucket.
        AskEndpointsForLater = {
          actions   = ["sagemaker:InvokeEndpointAsync"]
          condition = null
          resources = local.endpoint_arns.asynchronous
        }
        FindWork = merge(local.find_work, { resources = length(local.endpoint_arns.asynchronous) > 0 ? local.find_work.resources : [] })
        # Rekognition supports no resource for images.
        LookAtImages = {
          actions   = distinct(values(var.detectors))
          condition = null
          resources = ["*"]
        }
        ReadVideoResults = local.look_at_videos
        UseWork          = local.read_and_write_work
      } : sid => statement if length(statement.resources) > 0
    }

    analyze_video = {
      # A retry that finds its jobs finished returns the task token, as resume would.
      AnswerTasks = local.answer_tasks
      LendTheAnnouncingRole = {
        actions = ["iam:PassRole"]
        condition = {
          variable = "iam:PassedToService"
          values   = ["rekognition.amazonaws.com"]
        }
        resources = [local.video_role_arn]
      }
      LookAtVideos  = merge(local.look_at_videos, { resources = ["*"] })
      ReadOriginals = local.read_originals
      # Jobs have no ARN.
      StartVideos = {
        actions   = [for api in local.video_apis : "rekognition:Start${api}"]
        condition = null
        resources = ["*"]
      }
      StoreTokens = {
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
        condition = local.of_tokens
        resources = [local.table_arn]
      }
    }

    hear = {
      AnswerTasks   = local.answer_tasks
      FindWork      = local.find_work
      ReadOriginals = local.read_originals
      UseWork       = local.read_and_write_work
    }

    join = {
      UseWork = local.read_and_write_work
    }

    proxy = {
      AnswerTasks   = local.answer_tasks
      FindWork      = local.find_work
      ReadOriginals = local.read_originals
      UseWork       = local.read_and_write_work
      # Films and rungs, which nothing else is named like: it decodes what strangers have uploaded, and must rewrite no
      # manifest, caption or main playlist. Replays and retries overwrite, so `s3:if-none-match` cannot be required.
      WriteRenditions = {
        actions   = ["s3:PutObject"]
        condition = null
        resources = [for name in ["hls/hls-*", "video-*"] : "${local.s3}${var.buckets.delivery}/assets/*/${name}"]
      }
    }

    resume = {
      for sid, statement in {
        AnswerTasks         = local.answer_tasks
        LookAtTranscription = local.look_at_transcription
        LookAtVideos        = local.look_at_videos
        TakeTokens = {
          actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem"]
          condition = local.of_tokens
          resources = [local.table_arn]
        }
      } : sid => statement if length(statement.resources) > 0
    }

    sample = {
      AnswerTasks   = local.answer_tasks
      ReadOriginals = local.read_originals
      WriteWork = {
        actions   = ["s3:PutObject"]
        condition = null
        resources = ["${local.s3}${var.buckets.work}/work/*"]
      }
    }

    # Transcribe reads and writes with the permissions of whoever starts the job.
    # A retry that finds its job finished reads it and returns the task token, as resume would.
    transcribe = {
      AnswerTasks         = local.answer_tasks
      LookAtTranscription = local.look_at_transcription
      ReadOriginals       = local.read_originals
      # StartTranscriptionJob supports no resources. The condition restricts the bucket it writes to.
      StartTranscription = {
        actions = ["transcribe:StartTranscriptionJob"]
        condition = {
          variable = "transcribe:OutputBucketName"
          values   = [var.buckets.work]
        }
        resources = ["*"]
      }
      StoreTokens = {
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
        condition = local.of_tokens
        resources = [local.table_arn]
      }
      # Needed to start a job with tags. It supports no resources either.
      TagTranscription = {
        actions   = ["transcribe:TagResource"]
        condition = null
        resources = ["*"]
      }
      UseWork = local.read_and_write_work
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

      dynamic "condition" {
        for_each = statement.value.condition == null ? [] : [statement.value.condition]

        content {
          test     = try(condition.value.test, "StringEquals")
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

# Transcribe encrypts with the given key and the permissions of whoever starts the job. A separate policy, because a key's
# ARN cannot be derived from its name.
resource "aws_iam_role_policy" "transcripts" {
  for_each = local.transcribed

  name   = "transcripts"
  role   = module.function["transcribe"].role_name
  policy = data.aws_iam_policy_document.transcripts.json
}

data "aws_iam_policy_document" "transcripts" {
  statement {
    sid       = "EncryptTranscripts"
    actions   = ["kms:DescribeKey", "kms:Encrypt"]
    resources = [var.kms_key_arn]
  }
}
