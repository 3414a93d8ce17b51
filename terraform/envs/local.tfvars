# The local cloud: nothing here is billed, and everything that can be switched on is, so that all of it is exercised.
environment        = "local"
force_destroy      = true
log_retention_days = 7
macie_enabled      = true
monthly_budget_usd = 50

# No box beats here, but the alarms and graphs that a box would have are there. A box with a certificate needs AWS itself.
edge_devices = { blue-car = { oldest_waiting_hours = 24 } }
