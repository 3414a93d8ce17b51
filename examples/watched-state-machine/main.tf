# Dashboard, alarms and saved queries for any state machine and its functions, with one alarm over all others.

variable "function_names" {
  description = "Lambda functions that the state machine calls."
  type        = set(string)
}

variable "state_machine_arn" {
  description = "ARN of the state machine."
  type        = string
}

variable "table_name" {
  description = "Name of its DynamoDB table."
  type        = string
}

variable "topic_arn" {
  description = "ARN of the topic that receives alarms."
  type        = string
}

module "observability" {
  source            = "../../modules/observability"
  name              = "example"
  functions         = { for name in var.function_names : name => { log_group_name = "/aws/lambda/${name}", name = name } }
  health_alarm      = true
  state_machine_arn = var.state_machine_arn
  table_name        = var.table_name
  topic_arn         = var.topic_arn
  tracing_group     = true

  alarms = { execution_failures = 1, quiet_hours = 24 }
}

output "dashboard_url" {
  description = "URL of the dashboard."
  value       = module.observability.dashboard_url
}
