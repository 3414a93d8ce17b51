# The local cloud: nothing is billed, and every option is on, so that all of it is exercised.
cost_anomaly       = { create_monitor = true }
environment        = "local"
force_destroy      = true
health_alarm       = true
log_retention_days = 7
macie              = { enabled = true, manage_account = true }
monthly_budget_usd = 50

# No box sends heartbeats here, but its alarms and graphs exist. A box with a certificate needs AWS itself.
edge_devices = { blue-car = { oldest_waiting_hours = 24 } }

# The local cloud has no bootstrap.
permissions_boundary = false
