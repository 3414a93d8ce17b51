variable "access_log_sources" {
  description = "Names of the buckets whose server access logs this bucket receives."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = length(var.access_log_sources) == 0 || var.kms_key_arn == null
    error_message = "S3 cannot deliver server access logs to a bucket with a KMS key: leave kms_key_arn unset."
  }
}

variable "eventbridge" {
  description = "Send the bucket's events to EventBridge."
  type        = bool
  default     = false
  nullable    = false
}

variable "expire_after_days" {
  description = "Days after which objects below a prefix are deleted, by prefix; the empty prefix is the whole bucket."
  type        = map(number)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for days in values(var.expire_after_days) : days >= 1 && floor(days) == days])
    error_message = "expire_after_days must contain whole numbers of days, 1 or more."
  }
  validation {
    condition     = length(var.expire_after_days) == 0 || var.manage_lifecycle
    error_message = "expire_after_days needs manage_lifecycle: S3 keeps one lifecycle configuration per bucket."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` also delete the objects."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the bucket. Null: S3's own key, which the target of access logs needs."
  type        = string
  default     = null
  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_bucket" {
  description = "Name of the bucket that receives this bucket's server access logs below `s3/<name>/`. Null: no logs."
  type        = string
  default     = null
}

variable "log_delivery_sources" {
  description = "ARNs of the CloudWatch Logs delivery sources whose logs this bucket receives, by the prefix of the keys; output `log_source_arn` of module `delivery`."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for prefix in keys(var.log_delivery_sources) : can(regex("^[a-z0-9-]+$", prefix))])
    error_message = "log_delivery_sources must have prefixes of lower-case letters, digits and hyphens, without a slash."
  }
  validation {
    condition     = alltrue([for arn in values(var.log_delivery_sources) : can(regex("^arn:[a-z-]+:logs:[a-z0-9-]+:[0-9]{12}:delivery-source:[A-Za-z0-9_-]+$", arn))])
    error_message = "log_delivery_sources must be ARNs of CloudWatch Logs delivery sources."
  }
  validation {
    condition     = length(var.log_delivery_sources) == 0 || var.kms_key_arn == null
    error_message = "Log delivery needs statements in the policy of a KMS key too, which module key does not have: leave kms_key_arn unset."
  }
}

variable "manage_lifecycle" {
  description = "Whether this module owns the bucket's lifecycle configuration. False if another module (`archive`) does: S3 keeps one per bucket."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits and hyphens, and neither start nor end with a hyphen."
  }
}

variable "object_lock" {
  description = "Let versions be put under a legal hold (S3 Object Lock, without a default retention). It cannot be disabled again."
  type        = bool
  default     = false
  nullable    = false
  validation {
    condition     = !var.object_lock || var.versioning
    error_message = "object_lock needs versioning: a hold protects a version."
  }
}

variable "policy_documents" {
  description = "Further bucket policy documents (JSON), merged with the bucket's own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "standard_uploads_only" {
  description = "Refuse uploads into a storage class other than `STANDARD`. Lifecycle rules still move objects."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "versioning" {
  description = "Keep overwritten and deleted objects as noncurrent versions, for 30 days."
  type        = bool
  default     = false
  nullable    = false
}
