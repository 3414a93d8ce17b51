variable "bucket_name" {
  description = "Name of the bucket whose new objects start executions. It must send its events to EventBridge (`eventbridge = true` of module `bucket`)."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key for the dead-letter queue and the executions' input."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
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

variable "prefix" {
  description = "Prefix of the keys that start an execution."
  type        = string
  default     = "originals/"
  nullable    = false
  validation {
    condition     = can(regex("^.+/$", var.prefix))
    error_message = "prefix must end with a slash."
  }
}

variable "state_machine_arn" {
  description = "ARN of the state machine that each new object starts."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^arn:[a-z-]+:states:[^:]+:[0-9]{12}:stateMachine:", var.state_machine_arn))
    error_message = "state_machine_arn must be the ARN of a state machine."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
