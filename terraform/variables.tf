variable "alert_emails" {
  description = "E-mail addresses that receive every alert. Each must be confirmed once. Environment `prod` needs an address or webhooks."
  type        = set(string)
  default     = []
  nullable    = false
  # By the version, because plans of pull requests have no webhooks.
  validation {
    condition     = var.environment != "prod" || length(var.alert_emails) > 0 || var.webhooks_version >= 1
    error_message = "prod has no alert channel, so its alarms would reach nobody: set alert_emails, or pass webhooks (TF_VAR_webhooks) and set webhooks_version = 1."
  }
}

variable "cost_anomaly" {
  description = "Cost anomaly detection: alerts on the anomalies of one monitor. Without a monitor it is off."
  type = object({
    # Whether to create the account's monitor of dimension SERVICE. AWS allows one per account, and
    # accounts that have used Cost Explorer have it: then set monitor_arn instead.
    create_monitor = optional(bool, false)
    # The account's existing monitor; `aws ce get-anomaly-monitors` lists it.
    monitor_arn = optional(string)
    # Total impact of an anomaly from which it alerts.
    threshold_usd = optional(number, 5)
  })
  default  = {}
  nullable = false
}

variable "cost_tag_active" {
  description = "Whether the tag `Deployment` is an active cost allocation tag of the account. Budget and cost report then count only this environment. With an inactive tag they would count nothing. False: they count the whole account."
  type        = bool
  default     = false
  nullable    = false
}

variable "custom_detectors" {
  description = "Your own detectors by name: models behind SageMaker endpoints, which analyse footage in addition to a profile's engines or instead of its label engine. See the guide `custom-detector`."
  type = map(object({
    # Name of the endpoint, `impp-<environment>-…`.
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
    condition     = alltrue([for detector in var.custom_detectors : startswith(detector.endpoint, "impp-${var.environment}-")])
    error_message = "custom_detectors: endpoint must start with impp-${var.environment}-, because the permissions boundary admits no other environment's endpoints."
  }
}

variable "delivery" {
  description = "Delivery of media through CloudFront; see module `delivery`. Without it everything else works, and alerts link to presigned S3 URLs."
  type = object({
    # ISO 3166 alpha-2 codes. Empty: all.
    allowed_countries = optional(set(string), [])
    # Origins of players on other hosts.
    cors_origins = optional(set(string), [])
    # Your own host names. Null: the cloudfront.net name.
    custom_domain = optional(object({
      aliases         = set(string)
      certificate_arn = string
    }))
    # Whether to create the distribution. New accounts must be verified by AWS Support first.
    enabled = optional(bool, true)
    # Edge locations to use.
    price_class = optional(string, "PriceClass_100")
    # ARN of a WAFv2 web ACL. Null: none.
    web_acl_arn = optional(string)
  })
  default  = {}
  nullable = false
}

variable "edge_devices" {
  description = "Edge boxes that send heartbeats, by device name."
  type = map(object({
    # Hours that a file may wait before the alarm. 0: no alarm.
    oldest_waiting_hours = optional(number, 0)
    # Hours without a heartbeat before the alarm.
    silent_hours = optional(number, 24)
  }))
  default  = {}
  nullable = false
}

variable "edge_identity" {
  description = <<-EOT
    Edge boxes that authenticate with a certificate instead of a long-lived key, and the authority that signs the
    certificates. See module `edge_identity`. Null: no roles for boxes. The local cloud has no Roles Anywhere and needs null.
  EOT
  type = object({
    boxes = map(object({
      common_name = optional(string)
      devices     = optional(set(string))
      serial      = optional(string)
      sources     = optional(set(string), ["creator", "dashcam", "phone"])
    }))
    certificate_authority = object({
      acm_pca_arn = optional(string)
      pem         = optional(string)
    })
    session_duration_s = optional(number, 3600)
    # Percentage of the monthly budget at which AWS Budgets denies the boxes everything, by attaching
    # AWSDenyAll to their roles. Null: never.
    stop_at_budget_percent = optional(number)
  })
  default = null
}

variable "environment" {
  description = "Name of the environment; all names start with `impp-<environment>`."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment)) && var.environment != "terraform"
    error_message = "environment must be 2 to 12 lower-case letters and digits and start with a letter (longer ones do not fit into bucket names), and not be terraform, which the bootstrap uses."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` also delete footage and catalog. Only for environments whose data is expendable."
  type        = bool
  default     = false
  nullable    = false
}

variable "function_overrides" {
  description = "Sizes by function that differ from src/impp_lambdas/functions.toml in this environment. A timeout can only be shortened."
  type = map(object({
    # Memory in MB.
    memory_mb = optional(number)
    # Seconds after which Lambda stops an invocation.
    timeout_s = optional(number)
  }))
  default  = {}
  nullable = false
}

variable "health_alarm" {
  description = "Whether to create a composite alarm over all others: one state for a status page. It costs about $0.50 a month."
  type        = bool
  default     = false
  nullable    = false
}

variable "intelligent_archive" {
  description = "Archive tiers of S3 Intelligent-Tiering for originals that nobody reads: cheaper, but reading one then takes a restore of hours. Off unless days are set."
  type = object({
    # Days without a read before Archive Access, 90 to 730. Null: off.
    archive_after_days = optional(number)
    # Days without a read before Deep Archive Access, 180 to 730. Null: off.
    deep_archive_after_days = optional(number)
  })
  default  = {}
  nullable = false
}

variable "log_level" {
  description = "Log level of the functions."
  type        = string
  default     = "INFO"
  nullable    = false
  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "Retention of logs, in days."
  type        = number
  default     = 30
  nullable    = false
}

variable "macie" {
  description = "Amazon Macie, which searches the buckets daily for personal data; see module `compliance`. It bills per bucket and per GB."
  type = object({
    # Whether to search the buckets. Macie must be enabled in the account (`aws macie2 enable-macie`).
    enabled = optional(bool, false)
    # Extensions to skip. Null: those of the module.
    excluded_extensions = optional(set(string))
    # `FIFTEEN_MINUTES`, `ONE_HOUR` or `SIX_HOURS`; needs manage_account.
    finding_publishing_frequency = optional(string)
    # Whether to enable Macie in the account too. Destroying the environment then disables it for all.
    manage_account = optional(bool, false)
    # Largest object to inspect, in MB.
    max_object_mb = optional(number, 20)
    # Share of the eligible objects to inspect, 1 to 100.
    sampling_percentage = optional(number, 100)
  })
  default  = {}
  nullable = false
}

variable "manifest_path" {
  description = "Path of the manifest that `build.py all` wrote."
  type        = string
  default     = "../build/manifest.json"
  nullable    = false
}

variable "max_frames" {
  description = "Maximum number of frames per asset to analyse with Rekognition."
  type        = number
  default     = 120
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "Monthly budget in USD. Once it is spent, footage is archived but neither analysed nor transcoded until the next month."
  type        = number
  nullable    = false
  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "permissions_boundary" {
  description = "Whether every role has the environment's permissions boundary, which the bootstrap creates (`environments`)."
  type        = bool
  default     = true
  nullable    = false
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
}

variable "region" {
  description = "AWS region, the one of `region.tfvars`. Prices are those of us-east-1."
  type        = string
  nullable    = false
}

variable "spending_limits_usd" {
  description = "Limits within the monthly budget, in USD. Footage beyond one is archived but neither analysed nor transcoded."
  type = object({
    # Most that one asset may cost. Default: a quarter of the budget.
    asset = optional(number)
    # Most per day. Default: the budget.
    day = optional(number)
    # Most per device and day. Default: half the budget.
    device_day = optional(number)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for limit in values(var.spending_limits_usd) : try(limit > 0, limit == null)])
    error_message = "spending_limits_usd: asset, day and device_day must be more than 0 each."
  }
}

variable "tags" {
  description = "Additional tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "transcribe_fallback_language" {
  description = "Language assumed with `transcribe_language = \"auto\"` if an original has less than 30 s of speech, too little for Transcribe to detect it."
  type        = string
  default     = "en-US"
  nullable    = false
}

variable "transcribe_language" {
  description = "Language spoken in the footage, such as `en-US`, or `auto` to let Transcribe detect it."
  type        = string
  default     = "auto"
  nullable    = false
}

variable "webhooks" {
  description = "Webhook URLs for alerts by chat channel, such as `{ slack = [\"https://...\"] }`; an unknown channel fails the plan with the list. They go to Secrets Manager, and not into any plan or state. Increment `webhooks_version` with each change."
  type        = map(list(string))
  default     = {}
  ephemeral   = true
  nullable    = false
  sensitive   = true
  validation {
    condition     = length(flatten(values(var.webhooks))) == 0 || var.webhooks_version >= 1
    error_message = "webhooks need webhooks_version: set it to 1, and raise it with each change of the webhooks."
  }
}

variable "webhooks_version" {
  description = "0 without webhooks, 1 with the first ones. Increment it whenever `webhooks` changes: Terraform cannot detect that a write-only value changed."
  type        = number
  default     = 0
  nullable    = false
  validation {
    condition     = var.webhooks_version >= 0 && floor(var.webhooks_version) == var.webhooks_version
    error_message = "webhooks_version must be a whole number of at least 0."
  }
}

variable "work_retention_days" {
  description = "Retention of intermediate files (frames, analysis, transcripts), in days."
  type        = number
  default     = 30
  nullable    = false
  validation {
    condition     = var.work_retention_days >= 2
    error_message = "work_retention_days must be 2 or more: an execution may take a day."
  }
}
