# A budget, cost anomaly detection and a daily cost report to an existing topic. Run `make build` first.
# The topic's policy must let Budgets and Cost Anomaly Detection publish (module alerts creates such a topic).

variable "anomaly_monitor_arn" {
  description = "ARN of the account's anomaly monitor, which `aws ce get-anomaly-monitors` shows. Null: no anomaly alerts."
  type        = string
  default     = null
}

variable "catalog_table" {
  description = "Catalog table of a deployed pipeline. The report adds its ledger to AWS's figures."
  type = object({
    arn  = string
    name = string
  })
}

variable "code_bucket_name" {
  description = "Name of the bucket to create for the zips."
  type        = string
}

variable "manifest_path" {
  description = "Path of the manifest that `make build` wrote."
  type        = string
  default     = "../../build/manifest.json"
}

variable "topic_arn" {
  description = "ARN of the topic that receives costs."
  type        = string
}

module "key" {
  source = "../../modules/key"
  name   = "example-finops"
}

module "code" {
  source        = "../../modules/bucket"
  name          = var.code_bucket_name
  force_destroy = true # the build can recreate everything in it
  kms_key_arn   = module.key.arn
}

module "artifacts" {
  source        = "../../modules/artifacts"
  name          = "example-finops"
  bucket_name   = module.code.name
  manifest_path = var.manifest_path
}

module "finops" {
  source             = "../../modules/finops"
  name               = "example"
  catalog_table      = var.catalog_table
  functions          = module.artifacts.functions
  kms_key_arn        = module.key.arn
  monthly_budget_usd = 50
  topic_arn          = var.topic_arn

  anomaly  = { monitor_arn = var.anomaly_monitor_arn, threshold_usd = 10 }
  budget   = { actual_percent = [80, 100], cost_tag = { key = "Project", value = "impp" } }
  schedule = { expression = "cron(30 8 ? * MON-FRI *)", timezone = "Europe/Berlin" }
}

output "budget_name" {
  description = "Name of the budget."
  value       = module.finops.budget_name
}
