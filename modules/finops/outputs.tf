output "anomaly_monitor_arn" {
  description = "ARN of the cost anomaly monitor in use; null without one."
  value       = local.monitor_arn
}

output "budget_name" {
  description = "Name of the monthly budget."
  value       = aws_budgets_budget.monthly.name
}

output "cost_report" {
  description = "The report function: name and log group."
  value = {
    log_group_name = module.cost_report.log_group_name
    name           = module.cost_report.name
  }
}

output "dead_letter_queue" {
  description = "The queue of scheduled reports that failed."
  value = {
    arn  = module.dead_letter.arn
    name = module.dead_letter.name
    url  = module.dead_letter.url
  }
}
