data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account            = data.aws_caller_identity.current.account_id
  partition          = data.aws_partition.current.partition
  region             = data.aws_region.current.id
  s3                 = "arn:${local.partition}:s3:::"
  state_machine_arn  = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.state_machine_name}"
  state_machine_name = "${var.name}-pipeline"
  table_arn          = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${aws_dynamodb_table.catalog.name}"

  # Values of the definition's placeholders.
  placeholders = merge(
    {
      alert_topic_arn    = var.alert_topic_arn
      catalog_table_name = aws_dynamodb_table.catalog.name
      delivery_bucket    = var.buckets.delivery
      muted_topic_arn    = var.muted_topic_arn
      work_bucket        = var.buckets.work
    },
    { for name, arn in local.called_function_arns : "${name}_function_arn" => arn },
    var.transcode == null ? {} : {
      mediaconvert_queue_arn = var.transcode.queue_arn
      mediaconvert_role_arn  = var.transcode.role_arn
    },
  )

  # What the definition calls, and what of it was not built or has no policy.
  called     = toset([for match in regexall("\\$\\{(\\w+)_function_arn\\}", file(var.definition_path)) : match[0]])
  unbuilt    = setsubtract(local.called, concat(keys(var.functions), keys(var.task_function_arns)))
  undeployed = setsubtract(local.called, concat(keys(local.called_function_arns), tolist(local.unbuilt)))

  called_function_arns = merge(
    { for name, function in module.function : name => function.arn },
    var.task_function_arns,
  )
}

resource "aws_sfn_state_machine" "this" {
  name       = local.state_machine_name
  definition = templatefile(var.definition_path, local.placeholders)
  role_arn   = aws_iam_role.state_machine.arn
  tags       = var.tags
  type       = "STANDARD"

  encryption_configuration {
    kms_data_key_reuse_period_seconds = 900
    kms_key_id                        = var.kms_key_arn
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
  }

  # Step Functions keeps every execution's history for 90 days. The log is for errors and alarms.
  logging_configuration {
    include_execution_data = true
    level                  = "ERROR"
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions checks at creation that the role may deliver logs and use the key.
  depends_on = [
    aws_iam_role_policy.state_machine,
    aws_iam_role_policy.state_machine_encryption,
  ]

  lifecycle {
    precondition {
      condition     = length(join("", values(local.profile_environment))) <= local.environment_max
      error_message = "profiles, profile_rules and custom_detectors are too long together: as JSON they may have ${local.environment_max} characters, because a function's environment has 4 KB."
    }
    # Not a validation, because that of profiles looks at custom_detectors.
    precondition {
      condition     = alltrue([for detector in var.custom_detectors : length(setsubtract(coalesce(detector.profiles, []), concat(local.profile_names, keys(var.profiles)))) == 0])
      error_message = "custom_detectors: profiles must be some of ${join(", ", concat(local.profile_names, keys(var.profiles)))}."
    }
    precondition {
      condition     = length(local.unbuilt) == 0
      error_message = "The manifest lacks the function(s) ${join(", ", local.unbuilt)}: run `make build`."
    }
    precondition {
      condition     = length(local.undeployed) == 0
      error_message = "The state machine calls function(s) that no module deploys: ${join(", ", local.undeployed)}. Add a policy to functions-iam.tf."
    }
  }
}

# Below /aws/vendedlogs, where one resource policy serves any number of state machines.
resource "aws_cloudwatch_log_group" "state_machine" {
  #checkov:skip=CKV_AWS_338:the environment chooses the retention; prod keeps a year

  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
