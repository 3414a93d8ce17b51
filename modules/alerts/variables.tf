variable "emails" {
  description = "E-mail addresses that receive every alert and the alarm on the notifier itself. Each must be confirmed once."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", email))])
    error_message = "emails must be e-mail addresses such as ops@example.org."
  }
}

variable "environment" {
  description = "Further environment variables of the notifier function."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "functions" {
  description = "Functions of the build by name, output `functions` of module `artifacts`. The module deploys `notifier`."
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
    condition     = contains(keys(var.functions), "notifier")
    error_message = "The manifest lacks the function notifier: run `make build`."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key for the topics, the dead-letter queue, the secret and the notifier. Its policy must let CloudWatch, EventBridge, Budgets, Cost Anomaly Detection and SNS use it (module `key` does)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Retention of the notifier's log, in days."
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

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "webhooks" {
  description = "Webhook URLs by chat channel, such as `{ slack = [\"https://...\"] }`. They go to Secrets Manager, and not into any plan, state or log."
  type        = map(list(string))
  default     = {}
  ephemeral   = true
  nullable    = false
  sensitive   = true

  validation {
    condition     = alltrue([for channel in keys(var.webhooks) : contains(local.channels, channel)])
    error_message = "webhooks must have these keys only: ${join(", ", local.channels)}."
  }

  validation {
    condition     = alltrue([for url in flatten(values(var.webhooks)) : startswith(url, "https://")])
    error_message = "webhooks must contain https:// URLs only."
  }
}

variable "webhooks_version" {
  description = "Increment it whenever `webhooks` changes: Terraform cannot detect that a write-only value changed."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.webhooks_version >= 1 && floor(var.webhooks_version) == var.webhooks_version
    error_message = "webhooks_version must be a whole number of at least 1."
  }
}
