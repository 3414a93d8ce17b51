provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name        = "impp-test-123456789012-ingest"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

run "private_and_encrypted_by_default" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All public access must be blocked."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be off."
  }
  assert {
    condition = [
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      [
        rule.bucket_key_enabled,
        rule.apply_server_side_encryption_by_default[0].sse_algorithm,
        rule.apply_server_side_encryption_by_default[0].kms_master_key_id,
      ]
    ] == [[true, "aws:kms", var.kms_key_arn]]
    error_message = "The bucket must be encrypted with the given key, through a bucket key."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "The bucket's objects must be protected by default."
  }
  assert {
    condition = jsondecode(data.aws_iam_policy_document.bucket.json).Statement == [
      {
        Sid       = "RefuseWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::${var.name}/*", "arn:aws:s3:::${var.name}"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "RefuseCustomerKeys"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "arn:aws:s3:::${var.name}/*"
        Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      },
    ]
    error_message = "The policy must deny requests without TLS and with the sender's own key, and contain nothing else."
  }
  assert {
    condition     = length(aws_s3_bucket_notification.this) == 0 && length(aws_s3_bucket_logging.this) == 0
    error_message = "Events and logs must be off by default."
  }
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id] == ["abort-incomplete-uploads"]
    error_message = "Only unfinished uploads may expire."
  }
}

run "originals_are_versioned_and_send_events" {
  command = plan
  variables {
    eventbridge      = true
    log_bucket       = "impp-test-123456789012-logs"
    manage_lifecycle = false
    object_lock      = true
    versioning       = true

    standard_uploads_only = true
  }

  assert {
    condition     = [for lock in aws_s3_bucket_object_lock_configuration.this : [lock.object_lock_enabled, length(lock.rule)]] == [["Enabled", 0]]
    error_message = "Versions must be holdable, and none may be locked by default."
  }

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.bucket.json).Statement :
      [statement.Effect, statement.Action, statement.Condition] if statement.Sid == "RefuseOtherStorageClasses"
      ] == [["Deny", "s3:PutObject", {
        Null            = { "s3:x-amz-storage-class" = "false" }
        StringNotEquals = { "s3:x-amz-storage-class" = "STANDARD" }
    }]]
    error_message = "An upload may name no other storage class."
  }

  assert {
    condition     = aws_s3_bucket_notification.this[0].eventbridge
    error_message = "Events must go to EventBridge."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versions must be kept."
  }
  assert {
    condition     = aws_s3_bucket_logging.this[0].target_prefix == "s3/${var.name}/"
    error_message = "Access logs must be stored below the bucket's own prefix."
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "The lifecycle configuration must be left to its owner."
  }
}

run "rejects_object_lock_without_versions" {
  command = plan
  variables {
    object_lock = true
  }
  expect_failures = [var.object_lock]
}

run "expires_objects_by_prefix" {
  command = plan
  variables {
    expire_after_days = { "" = 90, "work/" = 30 }
    versioning        = true
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      rule.id => [rule.filter[0].prefix, rule.expiration[0].days] if length(rule.expiration) > 0
    } == { expire-all = ["", 90], expire-work = ["work/", 30] }
    error_message = "Each prefix must have its own expiry."
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      rule.noncurrent_version_expiration[0].noncurrent_days == 30 if length(rule.noncurrent_version_expiration) > 0
    ])
    error_message = "A versioned bucket must not keep old versions forever."
  }
}

run "receives_access_logs" {
  command = plan
  variables {
    access_log_sources = ["impp-test-123456789012-ingest"]
    kms_key_arn        = null
    name               = "impp-test-123456789012-logs"
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm
    ] == ["AES256"]
    error_message = "Without a key the bucket must use S3's own encryption."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.bucket.json).Statement :
      [statement.Action, statement.Resource, statement.Principal, statement.Condition] if statement.Sid == "ReceiveAccessLogs"
      ] == [[
        "s3:PutObject",
        "arn:aws:s3:::impp-test-123456789012-logs/s3/impp-test-123456789012-ingest/*",
        { Service = "logging.s3.amazonaws.com" },
        {
          ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::impp-test-123456789012-ingest" }
          StringEquals = { "aws:SourceAccount" = "123456789012" }
        },
    ]]
    error_message = "S3 may write only this account's access logs, each below its source's prefix."
  }
}

run "merges_further_policies" {
  command = plan
  variables {
    policy_documents = [
      "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"DistributionReads\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"cloudfront.amazonaws.com\"},\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::b/*\"}]}",
    ]
  }

  assert {
    condition     = jsondecode(data.aws_iam_policy_document.bucket.json).Statement[*].Sid == ["DistributionReads", "RefuseWithoutTls", "RefuseCustomerKeys"]
    error_message = "The given policies must be merged with the bucket's own."
  }
}

run "rejects_a_malformed_name" {
  command = plan
  variables {
    name = "Originals_"
  }
  expect_failures = [var.name]
}

run "rejects_a_malformed_key_arn" {
  command = plan
  variables {
    kms_key_arn = "alias/impp"
  }
  expect_failures = [var.kms_key_arn]
}

run "rejects_a_key_for_access_log_targets" {
  command = plan
  variables {
    access_log_sources = ["impp-test-123456789012-work"]
  }
  expect_failures = [var.access_log_sources]
}

run "rejects_fractions_of_days" {
  command = plan
  variables {
    expire_after_days = { "work/" = 0.5 }
  }
  expect_failures = [var.expire_after_days]
}

run "rejects_expiry_without_lifecycle" {
  command = plan
  variables {
    expire_after_days = { "work/" = 30 }
    manage_lifecycle  = false
  }
  expect_failures = [var.expire_after_days]
}

run "receives_logs_by_the_statement_that_aws_would_add" {
  command = plan
  variables {
    kms_key_arn          = null
    log_delivery_sources = { cloudfront = "arn:aws:logs:us-east-1:123456789012:delivery-source:impp-test-delivery" }
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.bucket.json).Statement : statement if statement.Effect == "Allow"] == [{
      Sid       = "AWSLogDeliveryWrite1"
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::${var.name}/cloudfront/*"
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:aws:logs:us-east-1:123456789012:delivery-source:impp-test-delivery" }
        StringEquals = { "aws:SourceAccount" = "123456789012", "s3:x-amz-acl" = "bucket-owner-full-control" }
      }
    }]
    error_message = "AWS would append its own statement beside any other."
  }
}

run "rejects_malformed_log_delivery_sources" {
  command = plan
  variables {
    log_delivery_sources = { "a/b" = "impp-test-delivery" }
  }
  expect_failures = [var.log_delivery_sources]
}
