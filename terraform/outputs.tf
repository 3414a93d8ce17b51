output "alert_topic_arn" {
  description = "ARN of the topic that receives every alert."
  value       = module.alerts.topic_arn
}

output "catalog_table" {
  description = "Name of the catalog table."
  value       = module.pipeline.catalog_table.name
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard_name
}

output "dead_letter_queues" {
  description = "URLs of the dead-letter queues, by owner."
  value = merge(
    {
      actions     = module.actions.dead_letter_queue.url
      alerts      = module.alerts.dead_letter_queue.url
      cost_report = module.finops.dead_letter_queue.url
      failure     = module.pipeline.dead_letter_queue.url
      ingest      = module.ingest.dead_letter_queue.url
    },
    { for queue in module.analysis.dead_letter_queue[*] : "resume" => queue.url },
    { for render in module.render : "render" => render.dead_letter_queue.url },
    { for queue in module.compliance.dead_letter_queue[*] : "macie" => queue.url },
  )
}

output "delivery_bucket" {
  description = "Name of the bucket of renditions, posters and captions."
  value       = module.published.name
}

output "distribution_domain" {
  description = "Host name for viewers; null without a distribution."
  value       = one(module.delivery[*].domain_name)
}

output "distribution_id" {
  description = "Id of the distribution; null without one."
  value       = one(module.delivery[*].distribution_id)
}

output "edge_credential_processes" {
  description = "The `credential_process` line for `~/.aws/config`, by edge box. Empty without `edge_identity`."
  value       = merge(module.edge_identity[*].credential_processes...)
}

output "edge_trust_anchor_arn" {
  description = "ARN of the trust anchor, for importing certificate revocation lists; null without `edge_identity`."
  value       = one(module.edge_identity[*].trust_anchor_arn)
}

output "function_names" {
  description = "Names of all functions, by short name."
  value       = local.function_names

  precondition {
    condition     = length(local.forgotten_functions) == 0
    error_message = "No module deploys the function(s) ${join(", ", local.forgotten_functions)}: add a policy to the module that should, for example modules/pipeline/functions-iam.tf."
  }
}

output "ingest_bucket" {
  description = "Name of the bucket of originals."
  value       = module.originals.name
}

output "kms_key_arn" {
  description = "ARN of the key. Uploaders need `kms:GenerateDataKey` and `kms:Decrypt` on it."
  value       = module.key.arn
}

output "revoked_shares_store_arn" {
  description = "ARN of the CloudFront KeyValueStore of revoked shares; null without a distribution."
  value       = one(module.delivery[*].revoked_shares_store_arn)
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.pipeline.state_machine_arn
}

output "viewer_key_parameter" {
  description = "Name of the parameter that holds the private key for viewers' links; null without a distribution."
  value       = one(module.delivery[*].viewer_key_parameter)
}

output "webhook_secret_arn" {
  description = "ARN of the secret that holds the webhook URLs."
  value       = module.alerts.webhook_secret_arn
}

output "work_bucket" {
  description = "Name of the bucket of intermediate files."
  value       = module.work.name
}
