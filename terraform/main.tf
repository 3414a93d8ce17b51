data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account            = data.aws_caller_identity.current.account_id
  name               = "impp-${var.environment}"
  state_machine_name = "${local.name}-pipeline"

  # Those with alarms of their own.
  functions = merge(
    module.actions.functions,
    module.analysis.functions,
    module.api.functions,
    module.pipeline.functions,
    {
      cost_report = module.finops.cost_report
      notifier    = module.alerts.notifier
    },
  )

  function_names = merge(
    { for name, function in merge(local.functions, module.render[*].functions...) : name => function.name },
    { for function in module.delivery[*].viewer_keys : "viewer_keys" => function.name },
  )

  # Functions of the build that no module deploys. Without a distribution there are no viewers.
  forgotten_functions = setsubtract(keys(module.artifacts.functions), concat(keys(local.function_names), local.delivers ? [] : ["viewer_keys"]))

  # One tag that tells environments and other projects of the account apart: a budget filters by one tag.
  cost_tag = { key = "Deployment", value = local.name }

  tags = merge(var.tags, {
    (local.cost_tag.key) = local.cost_tag.value

    Environment = var.environment
    ManagedBy   = "terraform"
    Project     = "impp"
  })

  # The bootstrap creates it, and lets its deploy roles create roles with this boundary only.
  permissions_boundary_arn = var.permissions_boundary ? "arn:${data.aws_partition.current.partition}:iam::${local.account}:policy/${local.name}-boundary" : null

  bucket_names = { for purpose in ["code", "delivery", "ingest", "logs", "work"] : purpose => "${local.name}-${local.account}-${purpose}" }
}

# The output of build.py. Functions of a feature that the build left out are not deployed.
module "artifacts" {
  source = "../modules/artifacts"

  bucket_name   = module.code.name
  manifest_path = var.manifest_path
  name          = local.name
  overrides     = var.function_overrides
}

module "key" {
  source = "../modules/key"

  name = local.name
}
