environment        = "dev"
force_destroy      = true
log_level          = "DEBUG"
log_retention_days = 14
monthly_budget_usd = 20

# Dev exists to be broken: surprises are seen in prod's monitor, of which AWS allows one an account.
cost_anomaly = { enabled = false }
