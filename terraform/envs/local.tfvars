# The local cloud: nothing here is billed, and everything that can be switched on is, so that all of it is exercised.
environment        = "local"
force_destroy      = true
log_retention_days = 7
macie_enabled      = true
monthly_budget_usd = 50
