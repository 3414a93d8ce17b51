data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ periodOverride = "inherit", widgets = local.widgets })
}

# Free: traces cost the same with or without a group.
resource "aws_xray_group" "pipeline" {
  count = var.tracing_group ? 1 : 0

  group_name        = substr(var.name, 0, 32)
  filter_expression = "service(id(name: \"${reverse(split(":", var.state_machine_arn))[0]}\", type: \"AWS::StepFunctions::StateMachine\"))"
  tags              = var.tags

  insights_configuration {
    insights_enabled = false
  }
}
