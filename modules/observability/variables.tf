variable "alarms" {
  description = "Thresholds; 0 disables an alarm (each costs about $0.10 per month)."
  type = object({
    # Age of a dead letter in hours: a reminder before it expires.
    dead_letter_age_hours = optional(number, 72)
    # Executions that failed, timed out or were aborted within 15 minutes: a surge, as each one also
    # alerts on its own.
    execution_failures = optional(number, 5)
    # Errors of a function within 5 minutes.
    function_errors = optional(number, 1)
    # Throttled invocations of a function within 5 minutes.
    function_throttles = optional(number, 1)
    # Cost of one hour's assets by the pipeline's own ledger, long before AWS's figures arrive.
    hourly_spend_usd = optional(number, 0)
    # Hours without a new execution, at most 168.
    quiet_hours = optional(number, 0)
    # Throttled requests to the table within 5 minutes.
    table_throttles = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for threshold in values(var.alarms) : threshold >= 0])
    error_message = "alarms must be positive numbers, or 0 to disable an alarm."
  }

  validation {
    condition     = var.alarms.quiet_hours <= 168 && floor(var.alarms.quiet_hours) == var.alarms.quiet_hours
    error_message = "alarms.quiet_hours must be a whole number of at most 168: CloudWatch looks back 7 days."
  }
}

variable "dead_letter_queue_names" {
  description = "Names of dead-letter queues by owner. An alarm is raised when a queue is not empty."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "distribution_id" {
  description = "Id of the CloudFront distribution to show on the dashboard. Null: none."
  type        = string
  default     = null
}

variable "edge_devices" {
  description = "Edge boxes that send heartbeats (`heartbeat_s` of impp-edge), by device name."
  type = map(object({
    # Hours that a file may wait before the alarm. 0: no alarm.
    oldest_waiting_hours = optional(number, 0)
    # Hours without a heartbeat before the alarm, 1 to 168.
    silent_hours = optional(number, 24)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for device in keys(var.edge_devices) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", device)) && length(device) <= 63])
    error_message = "edge_devices must have names as in object keys: lower-case letters, digits and single hyphens, at most 63 characters."
  }

  validation {
    condition     = alltrue([for edge in values(var.edge_devices) : edge.silent_hours >= 1 && edge.silent_hours <= 168 && floor(edge.silent_hours) == edge.silent_hours])
    error_message = "edge_devices[*].silent_hours must be a whole number between 1 and 168: CloudWatch looks back 7 days."
  }

  validation {
    condition     = alltrue([for edge in values(var.edge_devices) : edge.oldest_waiting_hours >= 0])
    error_message = "edge_devices[*].oldest_waiting_hours must be positive, or 0 to disable the alarm."
  }
}

variable "functions" {
  description = "Lambda functions by short name."
  type = map(object({
    # Name of the log group.
    log_group_name = string
    # Full name of the function.
    name = string
  }))
  nullable = false
}

variable "health_alarm" {
  description = "Whether to create a composite alarm over all others: one state for a status page or a deployment gate. It costs about $0.50 per month."
  type        = bool
  default     = false
  nullable    = false
}

variable "mediaconvert_queue_arn" {
  description = "ARN of the MediaConvert queue to show on the dashboard. Null: none."
  type        = string
  default     = null
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

variable "originals_bucket_name" {
  description = "Name of the bucket of originals, whose size by storage class the dashboard shows. Null: none."
  type        = string
  default     = null
}

variable "rule_names" {
  description = "EventBridge rule names by owner. An alarm is raised when an event reached neither its target nor its dead-letter queue and is lost."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "state_machine_arn" {
  description = "ARN of the pipeline's state machine."
  type        = string
  nullable    = false
}

variable "table_name" {
  description = "Name of the catalog table."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topic_arn" {
  description = "ARN of the topic that alarms publish to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.topic_arn))
    error_message = "topic_arn must be the ARN of an SNS topic."
  }
}

variable "tracing_group" {
  description = "Whether to create an X-Ray group for this pipeline's traces. The group is free; traces are billed with or without it."
  type        = bool
  default     = false
  nullable    = false
}
