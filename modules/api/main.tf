data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
}

module "function" {
  source = "../function"

  name                     = "${var.name}-api"
  artifact                 = var.functions.api
  description              = var.functions.api.description
  ephemeral_storage_mb     = var.functions.api.ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions.api.memory_mb
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.function.json
  tags                     = var.tags
  timeout_s                = var.functions.api.timeout_s

  environment = {
    IMPP_ACTIONS_FUNCTION   = var.actions_function_name
    IMPP_CATALOG_TABLE      = var.catalog_table_name
    IMPP_MONTHLY_BUDGET_USD = tostring(var.monthly_budget_usd)
    POWERTOOLS_LOG_LEVEL    = var.log_level
    POWERTOOLS_SERVICE_NAME = "api"
  }
}

# Only who signs with an IAM identity that the function's own policy admits gets through: the distribution, which module
# delivery adds.
resource "aws_lambda_function_url" "this" {
  function_name      = module.function.name
  authorization_type = "AWS_IAM"
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "Act"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.actions_function_name}"]
  }

  # Of the catalog only sums, and counts of requests.
  statement {
    sid       = "ReadSums"
    actions   = ["dynamodb:GetItem"]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.catalog_table_name}"]
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["SERVICES#*", "SPEND#*"]
    }
  }

  statement {
    sid       = "CountRequests"
    actions   = ["dynamodb:UpdateItem"]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.catalog_table_name}"]
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["RATE#api#*"]
    }
  }
}
