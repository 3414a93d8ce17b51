environment        = "dev"
force_destroy      = true
log_level          = "DEBUG"
log_retention_days = 14
monthly_budget_usd = 20

# Prod's monitor covers dev too: AWS allows one per account.
cost_anomaly = { enabled = false }
