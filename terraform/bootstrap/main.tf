# Once per account, before anything else: the bucket for Terraform's state. This root keeps its own state in a local file,
# because the bucket does not exist yet when it runs. If the file is lost, import the bucket.

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

# Versions are the state's only backup, so force_destroy stays off. The deploy workflow keeps a plan below plans/ until it
# is approved.
module "state" {
  source = "../../modules/bucket"

  name              = "${local.name}-${local.account}"
  expire_after_days = { "plans/" = 7 }
  kms_key_arn       = module.key.arn
  versioning        = true
}
