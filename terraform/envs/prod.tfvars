environment        = "prod"
log_retention_days = 365
macie_enabled      = true
monthly_budget_usd = 100
