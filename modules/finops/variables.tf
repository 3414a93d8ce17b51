variable "anomaly" {
  description = "Cost anomaly detection: alerts on the anomalies of one monitor. Without a monitor it is off."
  type = object({
    # Whether to create the account's monitor of dimension SERVICE. AWS allows one per account, and
    # accounts that have used Cost Explorer have it: then set monitor_arn instead.
    create_monitor = optional(bool, false)
    # The account's existing monitor; `aws ce get-anomaly-monitors` lists it.
    monitor_arn = optional(string)
    # Total impact of an anomaly from which it alerts.
    threshold_usd = optional(number, 5)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !(var.anomaly.create_monitor && var.anomaly.monitor_arn != null)
    error_message = "anomaly: set either create_monitor or monitor_arn: AWS allows one monitor of dimension SERVICE per account."
  }

  validation {
    condition     = var.anomaly.monitor_arn == null || can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/", var.anomaly.monitor_arn))
    error_message = "anomaly.monitor_arn must be the ARN of an anomaly monitor; `aws ce get-anomaly-monitors` lists it."
  }

  validation {
    condition     = var.anomaly.threshold_usd > 0
    error_message = "anomaly.threshold_usd must be more than 0."
  }
}

variable "budget" {
  description = "What the monthly budget counts and when it alerts."
  type = object({
    # Percentages of actual spend that alert, 1 to 4 of them.
    actual_percent = optional(set(number), [50, 80, 100])
    # Count only resources with this tag. It must be an active cost allocation tag; otherwise the
    # budget counts nothing. Null: the whole account.
    cost_tag = optional(object({
      key   = string
      value = string
    }))
    # Percentage of the forecast that alerts.
    forecast_percent = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(var.budget.actual_percent) >= 1 && length(var.budget.actual_percent) <= 4
    error_message = "budget.actual_percent must contain 1 to 4 thresholds: AWS allows five notifications per budget, and one is the forecast's."
  }

  validation {
    condition     = alltrue([for percent in setunion(var.budget.actual_percent, [var.budget.forecast_percent]) : percent > 0 && percent <= 1000])
    error_message = "budget thresholds must be more than 0 and at most 1000 percent."
  }
}

variable "catalog_table" {
  description = "The catalog table, which contains the month's ledger."
  type = object({
    arn  = string
    name = string
  })
  nullable = false
}

variable "environment" {
  description = "Further environment variables of the cost_report function."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "functions" {
  description = "Functions of the build by name, output `functions` of module `artifacts`. The module deploys `cost_report`."
  type = map(object({
    architecture         = string
    bucket               = string
    description          = string
    ephemeral_storage_mb = number
    handler              = string
    key                  = string
    layers               = list(string)
    memory_mb            = number
    runtime              = string
    sha256_base64        = string
    timeout_s            = number
  }))
  nullable = false
  validation {
    condition     = contains(keys(var.functions), "cost_report")
    error_message = "The manifest lacks the function cost_report: run `make build`."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key for the function, its schedule and its dead-letter queue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Retention of the report function's log, in days."
  type        = number
  default     = 30
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "Monthly budget in USD."
  type        = number
  nullable    = false

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "name" {
  description = "Prefix of all names, `impp-<environment>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the module's roles. Null: none."
  type        = string
  default     = null
  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy."
  }
}

variable "schedule" {
  description = "When to send the cost report. Cost Explorer's figures for a day settle during the next day."
  type = object({
    # EventBridge Scheduler expression.
    expression = optional(string, "cron(0 7 * * ? *)")
    # Time zone of the expression.
    timezone = optional(string, "UTC")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^(cron|rate)[(].+[)]$", var.schedule.expression))
    error_message = "schedule.expression must be cron(…) or rate(…)."
  }
}

variable "stop" {
  description = "Roles that AWS Budgets denies everything once actual spend reaches a percentage of the budget, by attaching AWSDenyAll to them. Null: none."
  type = object({
    # Percentage of the budget.
    percent = number
    # Names of the roles.
    role_names = list(string)
  })
  default = null

  validation {
    condition     = try(var.stop.percent > 0 && var.stop.percent <= 1000, true)
    error_message = "stop.percent must be more than 0 and at most 1000."
  }

  validation {
    condition     = try(length(var.stop.role_names) >= 1 && length(var.stop.role_names) <= 100, true)
    error_message = "stop.role_names must contain 1 to 100 roles, the limits of a budget action."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topic_arn" {
  description = "ARN of the topic that receives budget alerts, anomalies and the report."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.topic_arn))
    error_message = "topic_arn must be the ARN of an SNS topic."
  }
}
