environment        = "prod"
log_retention_days = 365
macie              = { enabled = true }
monthly_budget_usd = 100
