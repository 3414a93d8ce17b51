variable "buckets" {
  description = "Names of the buckets."
  type = object({
    # Renditions.
    delivery = string
    # Originals.
    ingest = string
    # Frames, analysis and transcripts.
    work = string
  })
  nullable = false
}

variable "catalog_table_name" {
  description = "Name of the catalog table, which stores task tokens."
  type        = string
  nullable    = false
}

variable "detector_actions" {
  description = "IAM actions of the detectors that the function analyze asks, such as `rekognition:DetectLabels`."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for action in var.detector_actions : startswith(action, "rekognition:Detect")])
    error_message = "detector_actions may contain only Rekognition's Detect actions, because they are allowed on every resource."
  }
  validation {
    condition     = !contains(keys(var.functions), "analyze") || length(var.detector_actions) > 0
    error_message = "detector_actions must not be empty if functions contain analyze."
  }
}

variable "functions" {
  description = "Functions of the build by name, output `functions` of module `artifacts`. The module deploys those that it has a policy for."
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
    condition     = contains(keys(var.functions), "sample")
    error_message = "The manifest lacks the function sample: run `make build`."
  }
  validation {
    condition     = contains(keys(var.functions), "transcribe") == contains(keys(var.functions), "resume")
    error_message = "The manifest must contain transcribe and resume together: resume ends what transcribe starts."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts buckets, queue, logs and environments."
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
  description = "ARN of the policy that limits what the module's roles may ever do, their permissions boundary. Null: none."
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
    # Log level.
    log_level = optional(string, "INFO")
    # Maximum number of frames per asset to analyze.
    max_frames = optional(number, 120)
    # Language with `auto` and less than 30 s of speech, too little to detect it.
    transcribe_fallback_language = optional(string, "en-US")
    # Language such as `en-US`, or `auto`.
    transcribe_language = optional(string, "auto")
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^(auto|[a-z]{2,3}-[A-Z]{2})$", var.settings.transcribe_language))
    error_message = "settings.transcribe_language must be auto or a language code such as en-US."
  }
  validation {
    condition     = can(regex("^[a-z]{2,3}-[A-Z]{2}$", var.settings.transcribe_fallback_language))
    error_message = "settings.transcribe_fallback_language must be a language code such as en-US."
  }
}

variable "state_machine_name" {
  description = "Name of the state machine whose task tokens the functions return. A name rather than an ARN, because the state machine needs these functions first."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
