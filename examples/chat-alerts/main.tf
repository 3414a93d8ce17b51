# A topic whose messages reach chat channels and e-mail, with an alarm of its own. Run `make build` first.
#
#   export TF_VAR_webhooks='{"slack": ["https://hooks.slack.com/services/..."]}'
#   terraform apply -var code_bucket_name=my-code -var 'emails=["ops@example.org"]'
#   aws sns publish --topic-arn "$(terraform output -raw topic_arn)" --subject Hello --message 'From the example.'

variable "emails" {
  description = "E-mail addresses that receive alerts."
  type        = set(string)
  default     = []
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

variable "webhooks" {
  description = "Webhook URLs by chat channel. They go to Secrets Manager and nowhere else."
  type        = map(list(string))
  default     = {}
  ephemeral   = true
  sensitive   = true
}

module "key" {
  source = "../../modules/key"
  name   = "example-alerts"
}

module "code" {
  source        = "../../modules/bucket"
  name          = var.code_bucket_name
  force_destroy = true # the build can recreate everything in it
  kms_key_arn   = module.key.arn
}

module "artifacts" {
  source        = "../../modules/artifacts"
  name          = "example-alerts"
  bucket_name   = module.code.name
  manifest_path = var.manifest_path
}

module "alerts" {
  source      = "../../modules/alerts"
  name        = "example"
  emails      = var.emails
  functions   = module.artifacts.functions
  kms_key_arn = module.key.arn
  webhooks    = var.webhooks
}

output "topic_arn" {
  description = "ARN of the topic to publish to."
  value       = module.alerts.topic_arn
}
