locals {
  answer_tasks = {
    actions   = ["states:SendTaskFailure", "states:SendTaskSuccess"]
    condition = null
    resources = [local.state_machine_arn]
  }

  look_at_transcription = {
    actions   = ["transcribe:GetTranscriptionJob"]
    condition = null
    resources = ["arn:${local.partition}:transcribe:${local.region}:${local.account}:transcription-job/impp-*"]
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
      # Rekognition supports no resource for images.
      LookAtImages = {
        actions   = var.detector_actions
        condition = null
        resources = ["*"]
      }
      UseWork = local.read_and_write_work
    }

    # Without ListBucket S3 answers for an object that does not exist as if it were forbidden.
    hear = {
      AnswerTasks = local.answer_tasks
      FindWork = {
        actions   = ["s3:ListBucket"]
        condition = null
        resources = ["${local.s3}${var.buckets.work}"]
      }
      ReadOriginals = local.read_originals
      UseWork       = local.read_and_write_work
    }

    proxy = {
      ReadOriginals = local.read_originals
      WriteRenditions = {
        actions   = ["s3:PutObject"]
        condition = null
        resources = ["${local.s3}${var.buckets.delivery}/assets/*"]
      }
    }

    resume = {
      AnswerTasks         = local.answer_tasks
      LookAtTranscription = local.look_at_transcription
      TakeTokens = {
        actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem"]
        condition = null
        resources = [local.table_arn]
      }
    }

    sample = {
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
        condition = null
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
          test     = "StringEquals"
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
  for_each = local.resume

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
