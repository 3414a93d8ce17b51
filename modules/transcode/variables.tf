variable "copies" {
  description = "Where MediaConvert reads copies of inputs whose keys have unusual characters. Null: no copies."
  type = object({
    # Name of the bucket.
    bucket = string
    # Prefix of the keys.
    prefix = optional(string, "work/")
  })
  default = null
}

variable "input" {
  description = "Where MediaConvert reads."
  type = object({
    # Name of the bucket.
    bucket = string
    # Prefix of the keys.
    prefix = optional(string, "originals/")
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts both buckets."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "name" {
  description = "Name of the queue and prefix of the role's name."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "output" {
  description = "Where MediaConvert writes."
  type = object({
    # Name of the bucket.
    bucket = string
    # Patterns of the keys, in which `*` stands for any characters.
    keys = optional(list(string), ["assets/*/hls/*", "assets/*/video-*"])
  })
  nullable = false
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
  description = "Tags of queue and role."
  type        = map(string)
  default     = {}
  nullable    = false
}
