variable "bucket_names" {
  description = "Names of the buckets that Macie inspects daily."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.bucket_names) > 0
    error_message = "bucket_names must name at least one bucket."
  }
}

variable "enabled" {
  description = "Whether to use Macie. It bills per bucket and per GB inspected."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key for the dead-letter queue of the findings. Its policy must let EventBridge use it, and the key of the buckets must let Macie's service-linked role decrypt; module `key` does both."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "macie" {
  description = "Settings of Macie."
  type = object({
    # Files to skip: Macie cannot read video, audio and pictures, and listing them takes time.
    excluded_extensions = optional(set(string), ["3gf", "aac", "avi", "gif", "glv", "heic", "insv", "jpeg", "jpg", "lrf", "lrv", "m4a", "m4s", "mkv", "mov", "mp3", "mp4", "mpg", "png", "thm", "ts", "wav", "webm", "webp"])
    # `FIFTEEN_MINUTES`, `ONE_HOUR` or `SIX_HOURS`, a setting of the account: needs manage_account.
    # Null: six hours.
    finding_publishing_frequency = optional(string)
    # Whether to enable Macie in the account, which must not have it yet. Destroying the module then
    # disables it for the whole account. False: enable it yourself, once (`aws macie2 enable-macie`).
    manage_account = optional(bool, false)
    # Largest object to inspect, in MB: Macie bills by GB, and anybody who may upload may upload much.
    max_object_mb = optional(number, 20)
    # Share of the eligible objects to inspect, 1 to 100.
    sampling_percentage = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"], coalesce(var.macie.finding_publishing_frequency, "SIX_HOURS"))
    error_message = "macie.finding_publishing_frequency must be FIFTEEN_MINUTES, ONE_HOUR or SIX_HOURS."
  }

  validation {
    condition     = var.macie.finding_publishing_frequency == null || var.macie.manage_account
    error_message = "macie.finding_publishing_frequency is a setting of the account: it needs macie.manage_account."
  }

  validation {
    condition     = var.macie.max_object_mb >= 1 && floor(var.macie.max_object_mb) == var.macie.max_object_mb
    error_message = "macie.max_object_mb must be a whole number of at least 1."
  }

  validation {
    condition     = var.macie.sampling_percentage >= 1 && var.macie.sampling_percentage <= 100
    error_message = "macie.sampling_percentage must be between 1 and 100."
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

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topic_arn" {
  description = "ARN of the topic that receives findings."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.topic_arn))
    error_message = "topic_arn must be the ARN of an SNS topic."
  }
}
