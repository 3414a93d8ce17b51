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
    # Originals.
    ingest = string
    # Intermediate files.
    work = string
  })
  nullable = false
}

variable "catalog_deletion_protection" {
  description = "Whether to protect the catalog table against deletion."
  type        = bool
  default     = true
  nullable    = false
}

variable "custom_detectors" {
  description = "Custom detectors by name, which Inspect plans and prices. Module `analysis` calls them and checks their values."
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
}

variable "definition_path" {
  description = "Path of the state machine definition that `build.py` rendered. Terraform fills in ARNs and names."
  type        = string
  nullable    = false
  validation {
    condition     = fileexists(var.definition_path)
    error_message = "definition_path names no file: run `make build` first."
  }
}

variable "detectors" {
  description = "Names of the build's detectors, whose engines profiles may set."
  type        = set(string)
  nullable    = false
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
    condition     = length(setsubtract(values(local.started), keys(var.functions))) == 0
    error_message = "The manifest lacks the function ${join(", ", setsubtract(values(local.started), keys(var.functions)))}: run `make build`."
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

variable "muted_topic_arn" {
  description = "ARN of the topic for alerts beyond a device's daily number."
  type        = string
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

variable "profile_rules" {
  description = "Which originals get which profile, before their kind, source and recording decide. The first matching rule wins."
  type = list(object({
    # Name of a profile.
    profile = string
    # Beginning of the key, such as `originals/phone/kitchen/`.
    prefix = optional(string)
    # Tag of the original.
    tag = optional(object({
      key   = string
      value = string
    }))
  }))
  default  = []
  nullable = false
  validation {
    condition     = alltrue([for rule in var.profile_rules : contains(concat(local.profile_names, keys(var.profiles)), rule.profile)])
    error_message = "profile_rules: profile must be one of ${join(", ", concat(local.profile_names, keys(var.profiles)))}."
  }
  validation {
    condition     = alltrue([for rule in var.profile_rules : (rule.prefix == null) != (rule.tag == null)])
    error_message = "profile_rules: each rule needs either prefix or tag."
  }
}

variable "profiles" {
  description = "Changes to the default profiles, and your own profiles. Unset values keep their default."
  type = map(object({
    # Default profile that your own profile starts from.
    base = optional(string)
    # Write captions of the speech.
    captions = optional(bool)
    # Derive chapters and a title.
    chapters = optional(bool)
    # Engine of each detector. That of `labels` may be the name of a custom detector.
    detectors = optional(map(string))
    # Reasons for which the cascade sends a frame to Rekognition.
    escalate = optional(list(string))
    # Seconds between frames for custom detectors, and for Rekognition where no model analyses them first.
    frames_interval_s = optional(number)
    # Seconds between frames that the models analyse.
    interval_s = optional(number)
    # Expected years of keeping originals, which decide their storage class.
    keep_years = optional(number)
    # Maximum USD per hour of footage that the cascade spends on Rekognition.
    managed_usd_per_hour = optional(number)
    # Maximum frames per original for custom detectors, and for Rekognition where no model analyses them first.
    max_frames = optional(number)
    # Maximum USD that an original may cost; above it, the original is only archived.
    max_usd = optional(number)
    # Renditions that are made on request.
    on_request = optional(list(string))
    # Renditions that are made at once.
    renditions = optional(list(string))
    # Engine that transcribes.
    speech = optional(string)
  }))
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for name, profile in var.profiles : contains(local.profile_names, coalesce(profile.base, name))])
    error_message = "profiles: your own profile needs base, one of ${join(", ", local.profile_names)}."
  }
  validation {
    condition     = alltrue([for profile in var.profiles : length(setsubtract(keys(coalesce(profile.detectors, {})), var.detectors)) == 0])
    error_message = "profiles: detectors must have these keys only: ${join(", ", var.detectors)}."
  }
  validation {
    condition     = alltrue([for profile in var.profiles : contains(concat(local.image_engines, keys(var.custom_detectors)), lookup(coalesce(profile.detectors, {}), "labels", "off"))])
    error_message = "profiles: detectors.labels must be one of ${join(", ", concat(local.image_engines, keys(var.custom_detectors)))}."
  }
  validation {
    condition     = alltrue(flatten([for profile in var.profiles : [for name, engine in coalesce(profile.detectors, {}) : name == "labels" || contains(local.image_engines, engine)]]))
    error_message = "profiles: detectors other than labels must be one of ${join(", ", local.image_engines)}."
  }
  validation {
    condition     = alltrue([for profile in var.profiles : contains(local.speech_engines, coalesce(profile.speech, "off"))])
    error_message = "profiles: speech must be one of ${join(", ", local.speech_engines)}."
  }
  validation {
    condition     = alltrue([for profile in var.profiles : length(setsubtract(coalesce(profile.escalate, []), local.escalations)) == 0])
    error_message = "profiles: escalate must be some of ${join(", ", local.escalations)}."
  }
  validation {
    condition     = alltrue([for profile in var.profiles : length(setsubtract(concat(coalesce(profile.renditions, []), coalesce(profile.on_request, [])), local.renditions)) == 0])
    error_message = "profiles: renditions and on_request must be some of ${join(", ", local.renditions)}."
  }
  validation {
    condition     = alltrue(flatten([for profile in var.profiles : [for seconds in [profile.interval_s, profile.frames_interval_s] : coalesce(seconds, 1) >= 0.1 && coalesce(seconds, 1) <= 3600]]))
    error_message = "profiles: interval_s and frames_interval_s must be 0.1 to 3600."
  }
  validation {
    condition     = alltrue([for profile in var.profiles : coalesce(profile.max_frames, 1) >= 1 && coalesce(profile.max_frames, 1) == floor(coalesce(profile.max_frames, 1))])
    error_message = "profiles: max_frames must be a whole number from 1 on."
  }
  validation {
    condition     = alltrue(flatten([for profile in var.profiles : [for amount in [profile.keep_years, profile.managed_usd_per_hour, profile.max_usd] : coalesce(amount, 0) >= 0]]))
    error_message = "profiles: keep_years, managed_usd_per_hour and max_usd must not be negative."
  }
}

variable "settings" {
  description = "Settings of the functions."
  type = object({
    # Host name of delivery. Null: alerts link to presigned S3 URLs.
    delivery_domain = optional(string)
    # Log level.
    log_level = optional(string, "INFO")
    # Maximum number of frames per asset to analyse.
    max_frames = optional(number, 120)
    # Most USD that one asset may cost. 0: no limit.
    max_usd_per_asset = optional(number, 0)
    # Most USD per day. 0: no limit.
    max_usd_per_day = optional(number, 0)
    # Most USD per device and day. 0: no limit.
    max_usd_per_device_day = optional(number, 0)
    # Monthly budget in USD. 0: no limit.
    monthly_budget_usd = optional(number, 0)
    # Language such as `en-US`, or `auto`.
    transcribe_language = optional(string, "auto")
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
  validation {
    condition     = var.settings.max_frames >= 1 && floor(var.settings.max_frames) == var.settings.max_frames
    error_message = "settings.max_frames must be a whole number, 1 or more."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "task_function_arns" {
  description = "ARNs of further functions that the definition calls, by name: output `task_function_arns` of module `analysis`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "transcode" {
  description = "MediaConvert. Null: no transcoding."
  type = object({
    # ARN of the queue.
    queue_arn = string
    # ARN of the role of its jobs.
    role_arn = string
  })
  default = null
}
