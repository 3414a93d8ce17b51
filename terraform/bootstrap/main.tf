# Once per account, before anything else: where Terraform keeps its state. This root keeps its own state in a local file,
# because the bucket cannot hold the state that makes it; losing that file loses nothing (import the bucket again).

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  name      = "impp-terraform"
  partition = data.aws_partition.current.partition

  tags = merge(var.tags, {
    ManagedBy = "terraform"
    Project   = "impp"
  })
}

module "key" {
  source = "../../modules/key"

  name = local.name
}

# Versions are the state's only backup; force_destroy stays off. Below plans/ the deploy workflow keeps a plan until it is
# approved.
module "state" {
  source = "../../modules/bucket"

  name              = "${local.name}-${local.account}"
  expire_after_days = { "plans/" = 7 }
  kms_key_arn       = module.key.arn
  versioning        = true
}
