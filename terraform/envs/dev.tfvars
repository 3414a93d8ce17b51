environment        = "dev"
force_destroy      = true
log_level          = "DEBUG"
log_retention_days = 14
monthly_budget_usd = 20
