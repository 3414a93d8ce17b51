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
    # Originals. It must send its events to EventBridge (`eventbridge = true` of module `bucket`).
    ingest = string
  })
  nullable = false
}

variable "catalog_table_name" {
  description = "Name of the catalog table."
  type        = string
  nullable    = false
}

variable "functions" {
  description = "Functions of the build by name, output `functions` of module `artifacts`. The module deploys `render`, `rendered` and `restore`."
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
    condition     = length(setsubtract(["render", "rendered", "restore"], keys(var.functions))) == 0
    error_message = "The manifest lacks the function(s) ${join(", ", setsubtract(["render", "rendered", "restore"], keys(var.functions)))}: run `make build`."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts executions, catalog, queue, logs and environments."
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
  description = "Settings of the functions."
  type = object({
    # Host name of delivery. Null: alerts link to presigned S3 URLs.
    delivery_domain = optional(string)
    # Log level.
    log_level = optional(string, "INFO")
    # Most USD that one asset may cost. 0: no limit.
    max_usd_per_asset = optional(number, 0)
    # Most USD per day. 0: no limit.
    max_usd_per_day = optional(number, 0)
    # Most USD per device and day. 0: no limit.
    max_usd_per_device_day = optional(number, 0)
    # Monthly budget in USD. 0: no limit.
    monthly_budget_usd = optional(number, 0)
  })
  nullable = false
  validation {
    condition     = var.settings.monthly_budget_usd >= 0
    error_message = "settings.monthly_budget_usd must not be negative."
  }
  validation {
    condition     = min(var.settings.max_usd_per_asset, var.settings.max_usd_per_day, var.settings.max_usd_per_device_day) >= 0
    error_message = "settings.max_usd_per_asset, max_usd_per_day and max_usd_per_device_day must not be negative."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "transcode" {
  description = "MediaConvert."
  type = object({
    # ARN of the queue.
    queue_arn = string
    # ARN of the role of its jobs.
    role_arn = string
  })
  nullable = false
}
