variable "artifact" {
  description = "The built zip in its bucket."
  type = object({
    # `arm64` or `x86_64`.
    architecture = optional(string, "arm64")
    # Bucket of the zip.
    bucket = string
    # Python handler, such as `module.handler`.
    handler = string
    # Key of the zip.
    key = string
    # ARNs of the layers, at most 5.
    layers = optional(list(string), [])
    # Lambda runtime.
    runtime = optional(string, "python3.13")
    # SHA-256 of the zip in base64, as in `build/manifest.json`.
    sha256_base64 = string
    # Weights of models that the function may fetch from the bucket: key by name.
    weights = optional(map(string), {})
  })
  nullable = false
  validation {
    condition     = contains(["arm64", "x86_64"], var.artifact.architecture)
    error_message = "artifact.architecture must be arm64 or x86_64."
  }
  validation {
    condition     = length(var.artifact.layers) <= 5
    error_message = "artifact.layers may contain at most 5 layers, Lambda's limit."
  }
  validation {
    condition     = can(regex("^[A-Za-z0-9+/]{43}=$", var.artifact.sha256_base64))
    error_message = "artifact.sha256_base64 must be a SHA-256 in base64, as in build/manifest.json."
  }
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue for asynchronous events that the function failed to process. Null: none."
  type        = string
  default     = null
  validation {
    condition     = var.dead_letter_arn == null || can(regex("^arn:[a-z-]+:sqs:", var.dead_letter_arn))
    error_message = "dead_letter_arn must be the ARN of an SQS queue."
  }
}

variable "description" {
  description = "What the function does, in one line."
  type        = string
  default     = ""
  nullable    = false
}

variable "environment" {
  description = "Environment variables. Never pass a secret: pass the ARN of one."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "ephemeral_storage_mb" {
  description = "Size of /tmp in MB."
  type        = number
  default     = 512
  nullable    = false
  validation {
    condition     = var.ephemeral_storage_mb >= 512 && var.ephemeral_storage_mb <= 10240
    error_message = "ephemeral_storage_mb must be between 512 and 10240."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key for environment and logs. The role may also use it for the data that the function reads and writes."
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
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, ..."
  }
}

variable "memory_mb" {
  description = "Memory in MB. CPU share grows with it."
  type        = number
  default     = 256
  nullable    = false
  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240."
  }
}

variable "name" {
  description = "Name of the function, its role and, below `/aws/lambda/`, its log group."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,63}$", var.name))
    error_message = "name must be 2 to 64 lower-case letters, digits and hyphens, and start with a letter."
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

variable "policy_json" {
  description = "IAM policy document (JSON) with the permissions of the function's own code. The module adds those for logs, tracing, queue and key."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of function, role and log group."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_s" {
  description = "Seconds after which Lambda stops an invocation."
  type        = number
  default     = 30
  nullable    = false
  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900
    error_message = "timeout_s must be between 1 and 900."
  }
}
