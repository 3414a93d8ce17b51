variable "abort_multipart_after_days" {
  description = "Days after which S3 removes the parts of an unfinished upload. They cost storage and are invisible, but an edge box that was offline resumes them."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.abort_multipart_after_days >= 7 && floor(var.abort_multipart_after_days) == var.abort_multipart_after_days
    error_message = "abort_multipart_after_days must be a whole number of at least 7: an edge box that was offline for days resumes its uploads."
  }
}

variable "bucket_name" {
  description = "Name of the bucket that holds the originals. This module owns its whole lifecycle configuration."
  type        = string
  nullable    = false
}

variable "intelligent_archive" {
  description = "Optional archive tiers of S3 Intelligent-Tiering for objects tagged `intelligent`. They are cheaper, but restoring an object takes hours."
  type = object({
    # Days without access before Archive Access, 90 to 730. Null: off.
    archive_after_days = optional(number)
    # Days without access before Deep Archive Access, 180 to 730. Null: off.
    deep_archive_after_days = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = coalesce(var.intelligent_archive.archive_after_days, 90) >= 90 && coalesce(var.intelligent_archive.archive_after_days, 90) <= 730
    error_message = "intelligent_archive.archive_after_days must be between 90 and 730."
  }

  validation {
    condition     = coalesce(var.intelligent_archive.deep_archive_after_days, 180) >= 180 && coalesce(var.intelligent_archive.deep_archive_after_days, 180) <= 730
    error_message = "intelligent_archive.deep_archive_after_days must be between 180 and 730."
  }
}

variable "minimum_object_size" {
  description = <<-EOT
    Which small objects never move: `all_storage_classes_128K` keeps all objects below 128 KB where they are (a transition
    would cost more than it saves), `varies_by_storage_class` lets the Glacier classes take them.
  EOT
  type        = string
  default     = "all_storage_classes_128K"
  nullable    = false

  validation {
    condition     = contains(["all_storage_classes_128K", "varies_by_storage_class"], var.minimum_object_size)
    error_message = "minimum_object_size must be all_storage_classes_128K or varies_by_storage_class."
  }
}

variable "noncurrent_versions" {
  description = "How long replaced or deleted versions stay recoverable."
  type = object({
    # Days after which a version expires. 0: never.
    expire_after_days = optional(number, 30)
    # Number of newest versions to keep regardless of age, 1 to 100.
    keep_newest = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.noncurrent_versions.expire_after_days >= 0 && floor(var.noncurrent_versions.expire_after_days) == var.noncurrent_versions.expire_after_days
    error_message = "noncurrent_versions.expire_after_days must be a whole number of days, or 0 to keep versions forever."
  }

  validation {
    condition     = coalesce(var.noncurrent_versions.keep_newest, 1) >= 1 && coalesce(var.noncurrent_versions.keep_newest, 1) <= 100
    error_message = "noncurrent_versions.keep_newest must be between 1 and 100."
  }
}

variable "tag_key" {
  description = "Object tag whose value chooses the storage class."
  type        = string
  default     = "impp:archive"
  nullable    = false
}

variable "transition_after_days" {
  description = "Days after creation at which an object moves, by the value of its tag, with `_` for `-`. One day keeps an early replay free of retrieval fees. The value `standard` has no rule: such objects stay in S3 Standard."
  type = object({
    # S3 Glacier Deep Archive.
    deep_archive = optional(number, 1)
    # S3 Glacier Flexible Retrieval.
    glacier_fr = optional(number, 1)
    # S3 Glacier Instant Retrieval.
    glacier_ir = optional(number, 1)
    # S3 Intelligent-Tiering.
    intelligent = optional(number, 0)
    # S3 Standard-IA. S3 requires at least 30.
    standard_ia = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in values(var.transition_after_days) : days >= 0 && floor(days) == days])
    error_message = "transition_after_days must be whole numbers of at least 0."
  }

  validation {
    condition     = alltrue([for name, days in var.transition_after_days : days >= 30 if endswith(name, "_ia")])
    error_message = "transition_after_days must be at least 30 for IA classes: S3 rejects an earlier transition."
  }
}
