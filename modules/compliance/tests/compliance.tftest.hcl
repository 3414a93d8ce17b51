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

override_data {
  target = module.dead_letter[0].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  bucket_names = ["impp-test-123456789012-work", "impp-test-123456789012-delivery"]
  kms_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  name         = "impp-test"
  topic_arn    = "arn:aws:sns:us-east-1:123456789012:impp-test-alerts"
}

run "macie_inspects_the_given_buckets_daily" {
  command = plan

  assert {
    condition     = aws_macie2_classification_job.daily[0].schedule_frequency[0].daily_schedule
    error_message = "The job must run daily."
  }

  assert {
    condition     = aws_macie2_classification_job.daily[0].s3_job_definition[0].bucket_definitions[0].buckets == tolist(["impp-test-123456789012-delivery", "impp-test-123456789012-work"])
    error_message = "The job must inspect the given buckets, in a stable order."
  }

  assert {
    condition     = contains(aws_macie2_classification_job.daily[0].s3_job_definition[0].scoping[0].excludes[0].and[0].simple_scope_term[0].values, "mp4") && !contains(aws_macie2_classification_job.daily[0].s3_job_definition[0].scoping[0].excludes[0].and[0].simple_scope_term[0].values, "json")
    error_message = "The job must exclude video and include transcripts."
  }
}

run "excludes_media_formats_and_inspects_text" {
  command = plan

  assert {
    condition = [
      for extension in ["3gf", "glv", "lrf", "lrv", "mp4", "thm", "gps", "json", "srt"] : contains(
        aws_macie2_classification_job.daily[0].s3_job_definition[0].scoping[0].excludes[0].and[0].simple_scope_term[0].values, extension
      )
    ] == [true, true, true, true, true, true, false, false, false]
    error_message = "The job must include tracks, events and subtitles, and exclude formats that Macie cannot read."
  }
}

run "inspects_no_large_objects" {
  command = plan

  assert {
    condition = aws_macie2_classification_job.daily[0].s3_job_definition[0].scoping[0].includes[0].and[0].simple_scope_term[0] == {
      comparator = "LTE"
      key        = "OBJECT_SIZE"
      values     = tolist(["20971520"])
    }
    error_message = "Macie bills by GB: large objects must be left out."
  }
}

run "findings_about_these_buckets_become_alerts" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.findings[0].event_pattern) == {
      source      = ["aws.macie"]
      detail-type = ["Macie Finding"]
      detail      = { resourcesAffected = { s3Bucket = { name = ["impp-test-123456789012-delivery", "impp-test-123456789012-work"] } } }
    }
    error_message = "The rule must match findings about the given buckets only."
  }

  assert {
    condition     = toset(keys(jsondecode(aws_cloudwatch_event_target.topic[0].input_transformer[0].input_template))) == toset(["asset", "kind", "links", "severity", "text", "title", "usd"])
    error_message = "A finding must have the shape of an alert."
  }

  assert {
    condition     = length(setsubtract([for match in regexall("<([a-z]+)>", aws_cloudwatch_event_target.topic[0].input_transformer[0].input_template) : match[0]], keys(aws_cloudwatch_event_target.topic[0].input_transformer[0].input_paths))) == 0
    error_message = "Every placeholder must have an input path."
  }

  assert {
    condition     = aws_cloudwatch_event_target.topic[0].arn == var.topic_arn && aws_cloudwatch_event_target.topic[0].retry_policy[0].maximum_event_age_in_seconds == 86400
    error_message = "Findings must go to the alert topic and be retried for a day."
  }

  assert {
    condition     = aws_cloudwatch_event_target.topic[0].dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:impp-test-macie-findings-dlq"
    error_message = "Undelivered findings must be kept."
  }
}

run "leaves_the_accounts_macie_alone" {
  command = plan

  assert {
    condition     = length(aws_macie2_account.this) == 0 && length(aws_macie2_classification_job.daily) == 1
    error_message = "Only the job may be created by default: destroying the account's Macie would affect others."
  }
}

run "enables_macie_on_request" {
  command = plan

  variables {
    macie = { finding_publishing_frequency = "ONE_HOUR", manage_account = true }
  }

  assert {
    condition     = aws_macie2_account.this[0].status == "ENABLED" && aws_macie2_account.this[0].finding_publishing_frequency == "ONE_HOUR"
    error_message = "Macie must be on and publish findings as often as given."
  }
}

run "disabled_it_creates_nothing" {
  command = plan

  variables {
    enabled = false
  }

  assert {
    condition     = length(aws_macie2_account.this) + length(aws_macie2_classification_job.daily) + length(aws_cloudwatch_event_rule.findings) + length(aws_cloudwatch_event_target.topic) + length(module.dead_letter) == 0
    error_message = "Disabled, the module must create nothing."
  }

  assert {
    condition     = output.job_arn == null && output.rule_name == null && output.dead_letter_queue == null
    error_message = "Outputs must be null if Macie is disabled."
  }
}

run "rejects_an_empty_set_of_buckets_and_unknown_frequencies" {
  command = plan

  variables {
    bucket_names = []
    macie        = { finding_publishing_frequency = "DAILY" }
  }

  expect_failures = [var.bucket_names, var.macie]
}

run "rejects_a_sampling_percentage_above_100" {
  command = plan

  variables {
    macie = { sampling_percentage = 101 }
  }

  expect_failures = [var.macie]
}

run "rejects_a_frequency_that_nothing_would_use" {
  command = plan

  variables {
    macie = { finding_publishing_frequency = "ONE_HOUR" }
  }

  expect_failures = [var.macie]
}
