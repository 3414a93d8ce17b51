variable "alert_topic_arn" {
  description = "ARN of the topic that receives every alert."
  type        = string
  nullable    = false
}

variable "buckets" {
  description = "Names of the buckets."
  type = object({
    # Published files.
    delivery = string
    # Originals. It must send its events to EventBridge and have Object Lock (`eventbridge` and `object_lock` of module `bucket`).
    ingest = string
    # Intermediate files.
    work = string
  })
  nullable = false
}

variable "catalog_table_name" {
  description = "Name of the catalog table."
  type        = string
  nullable    = false
}

variable "distribution" {
  description = "The distribution, whose copies of erased files are invalidated. Null: none; alerts then link to presigned S3 URLs."
  type = object({
    # Host name for viewers.
    domain = string
    # Id.
    id = string
  })
  default = null
}

variable "functions" {
  description = "Functions of the build by name, output `functions` of module `artifacts`. The module deploys `actions`."
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
    weights              = optional(map(string), {})
  }))
  nullable = false
  validation {
    condition     = contains(keys(var.functions), "actions")
    error_message = "The manifest lacks the function actions: run `make build`."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts catalog, queue, logs and environment."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Retention of logs, in days."
  type        = number
  default     = 30
  nullable    = false
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

variable "settings" {
  description = "Settings of the function."
  type = object({
    # Log level.
    log_level = optional(string, "INFO")
    # Most USD per asset, which replays without a quote name. 0: no limit.
    max_usd_per_asset = optional(number, 0)
    # Most USD per day. 0: no limit.
    max_usd_per_day = optional(number, 0)
    # Most USD per device and day. 0: no limit.
    max_usd_per_device_day = optional(number, 0)
    # Monthly budget in USD. 0: no limit.
    monthly_budget_usd = optional(number, 0)
    # Whether the state machine `render` exists.
    renders = bool
  })
  nullable = false
  validation {
    condition     = min(var.settings.monthly_budget_usd, var.settings.max_usd_per_asset, var.settings.max_usd_per_day, var.settings.max_usd_per_device_day) >= 0
    error_message = "settings.monthly_budget_usd, max_usd_per_asset, max_usd_per_day and max_usd_per_device_day must not be negative."
  }
}

variable "state_machine_arn" {
  description = "ARN of the pipeline's state machine, which replays start."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
