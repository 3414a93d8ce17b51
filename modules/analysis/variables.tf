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

variable "custom_detectors" {
  description = "Custom detectors by name, which the function analyze calls."
  type = map(object({
    # Name of the endpoint.
    endpoint = string
    # Instance type of an asynchronous endpoint, which the quote needs.
    instance_type = optional(string)
    # Kind of the endpoint: `serverless` or `asynchronous`.
    kind = optional(string, "serverless")
    # Prefix of the names of its labels, such as `scene:`.
    labels_prefix = optional(string)
    # Memory of a serverless endpoint, in MB. Default: 2048.
    memory_mb = optional(number)
    # Confidence in percent below which its labels are dropped. Default: 60.
    min_confidence = optional(number)
    # Profiles whose footage it analyses in addition to their engines. Null: all. Empty: only those whose `labels` is its name.
    profiles = optional(set(string))
    # Seconds that a frame takes, for the quote. Default: 0.5.
    seconds_per_frame = optional(number)
  }))
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for name in keys(var.custom_detectors) : can(regex("^[a-z][a-z0-9-]{0,30}$", name)) && !contains(local.reserved_names, name)])
    error_message = "custom_detectors: a name has 1 to 31 lower-case letters, digits and hyphens, starts with a letter and is none of ${join(", ", local.reserved_names)}."
  }
  validation {
    condition     = alltrue([for detector in var.custom_detectors : can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$", detector.endpoint))])
    error_message = "custom_detectors: endpoint must be the name of an endpoint: 1 to 63 letters, digits and hyphens."
  }
  validation {
    condition     = alltrue([for detector in var.custom_detectors : contains(["serverless", "asynchronous"], detector.kind)])
    error_message = "custom_detectors: kind must be serverless or asynchronous."
  }
  validation {
    condition     = alltrue([for detector in var.custom_detectors : detector.kind == "asynchronous" ? contains(local.priced_instances, coalesce(detector.instance_type, "none")) : detector.instance_type == null])
    error_message = "custom_detectors: an asynchronous detector needs instance_type, one of ${join(", ", local.priced_instances)}; a serverless one has none."
  }
  validation {
    condition     = alltrue([for detector in var.custom_detectors : contains([1024, 2048, 3072, 4096, 5120, 6144], coalesce(detector.memory_mb, 2048))])
    error_message = "custom_detectors: memory_mb must be 1024, 2048, 3072, 4096, 5120 or 6144."
  }
  validation {
    condition = alltrue([
      for detector in var.custom_detectors : (
        try(detector.min_confidence >= 0 && detector.min_confidence <= 100, detector.min_confidence == null)
        && try(detector.seconds_per_frame > 0 && detector.seconds_per_frame <= 60, detector.seconds_per_frame == null)
      )
    ])
    error_message = "custom_detectors: min_confidence must be 0 to 100 percent, seconds_per_frame more than 0 and at most 60."
  }
  validation {
    condition     = alltrue([for detector in var.custom_detectors : length(coalesce(detector.labels_prefix, "-")) <= 20])
    error_message = "custom_detectors: labels_prefix must have at most 20 characters."
  }
}

variable "detectors" {
  description = "The detectors that the function analyze calls, each with its IAM action, such as `rekognition:DetectLabels`."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for action in values(var.detectors) : startswith(action, "rekognition:Detect")])
    error_message = "detectors may have only Rekognition's Detect actions, because they are allowed on every resource."
  }
  validation {
    condition     = !contains(keys(var.functions), "analyze") || length(var.detectors) > 0
    error_message = "detectors must not be empty if functions contain analyze."
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
    condition     = contains(keys(var.functions), "sample") == contains(keys(var.functions), "join")
    error_message = "The manifest must contain sample and join together: join makes one sample of a long file's parts."
  }
  validation {
    condition     = length(setintersection(keys(var.functions), ["analyze_video", "transcribe"])) == 0 || contains(keys(var.functions), "resume")
    error_message = "The manifest lacks the function resume, which ends what analyze_video and transcribe start."
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
    # Log level.
    log_level = optional(string, "INFO")
    # Maximum number of frames per asset to analyse.
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
