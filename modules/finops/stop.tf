# Spending that the pipeline cannot see, such as storage, requests and metrics of an edge box whose credentials were stolen:
# once the budget's actual spend reaches a threshold, AWS Budgets attaches a policy that denies everything to the boxes'
# roles. AWS updates a budget up to three times a day, so this bounds days, not minutes (Cost Management user guide,
# "Configuring budget actions"). Budgets can only attach policies; detach AWSDenyAll to let the boxes upload again.
locals {
  deny_all_arn    = "arn:${local.partition}:iam::aws:policy/AWSDenyAll"
  stop_role_arns  = [for name in sort(local.stop_role_names) : "arn:${local.partition}:iam::${local.account}:role/${name}"]
  stop_role_names = flatten(var.stop[*].role_names)
}

resource "aws_budgets_budget_action" "stop" {
  count = length(local.stop_role_names) == 0 ? 0 : 1

  action_type        = "APPLY_IAM_POLICY"
  approval_model     = "AUTOMATIC"
  budget_name        = aws_budgets_budget.monthly.name
  execution_role_arn = aws_iam_role.stop[0].arn
  notification_type  = "ACTUAL"
  tags               = var.tags

  action_threshold {
    action_threshold_type  = "PERCENTAGE"
    action_threshold_value = var.stop.percent
  }

  definition {
    iam_action_definition {
      policy_arn = local.deny_all_arn
      roles      = local.stop_role_names
    }
  }

  subscriber {
    address           = var.topic_arn
    subscription_type = "SNS"
  }

  depends_on = [aws_iam_role_policy.stop]
}

resource "aws_iam_role" "stop" {
  count = length(local.stop_role_names) == 0 ? 0 : 1

  name                 = "${var.name}-budget-stop"
  assume_role_policy   = data.aws_iam_policy_document.stop_trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "stop" {
  count = length(local.stop_role_names) == 0 ? 0 : 1

  name   = "stop"
  role   = aws_iam_role.stop[0].name
  policy = data.aws_iam_policy_document.stop[0].json
}

# Cost Management user guide, "Setting up a role for AWS Budgets to run budget actions".
data "aws_iam_policy_document" "stop_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:budgets::${local.account}:budget/${var.name}-monthly"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "stop" {
  count = length(local.stop_role_names) == 0 ? 0 : 1

  statement {
    sid       = "DenyEverythingAndNothingElse"
    actions   = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    resources = local.stop_role_arns
    condition {
      test     = "ArnEquals"
      variable = "iam:PolicyARN"
      values   = [local.deny_all_arn]
    }
  }
}
