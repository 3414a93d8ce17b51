variable "alert_emails" {
  description = "E-mail addresses that get each alert; each must confirm once."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "cost_anomaly" {
  description = "Cost anomaly detection: on or off, the least impact that alerts, and the account's monitor where it has one already."
  type = object({
    enabled       = optional(bool, true)
    monitor_arn   = optional(string)
    threshold_usd = optional(number, 5)
  })
  default  = {}
  nullable = false
}

variable "delivery" {
  description = "How media is delivered: countries (empty: all), origins of players on other hosts, own host names with their certificate, edge locations, a web ACL."
  type = object({
    allowed_countries = optional(set(string), [])
    cors_origins      = optional(set(string), [])
    custom_domain = optional(object({
      aliases         = set(string)
      certificate_arn = string
    }))
    price_class = optional(string, "PriceClass_100")
    web_acl_arn = optional(string)
  })
  default  = {}
  nullable = false
}

variable "edge_devices" {
  description = "Edge boxes that send heartbeats, by their device's name: alarm after so many hours of silence, or when a file has waited for so many hours (0: never)."
  type = map(object({
    oldest_waiting_hours = optional(number, 0)
    silent_hours         = optional(number, 24)
  }))
  default  = {}
  nullable = false
}

variable "edge_identity" {
  description = <<-EOT
    Edge boxes that come with a certificate instead of a long-lived key, as module edge_identity describes them, and who signs
    the certificates. Null: no roles for boxes. The local cloud has no Roles Anywhere and needs null.
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
  })
  default = null
}

variable "environment" {
  description = "Name of the environment; all names start with `impp-<environment>`."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment)) && var.environment != "terraform"
    error_message = "environment must be 2 to 12 lower-case letters and digits and start with a letter (bucket names have room for no more), and not be terraform, which is the bootstrap's."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete footage and catalog too. For environments that hold nothing dear."
  type        = bool
  default     = false
  nullable    = false
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
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "macie_enabled" {
  description = "Let Macie look through the buckets daily for personal data. It bills per bucket and per GB."
  type        = bool
  default     = false
  nullable    = false
}

variable "manifest_path" {
  description = "Path of the manifest that `build.py all` wrote."
  type        = string
  default     = "../build/manifest.json"
  nullable    = false
}

variable "max_frames" {
  description = "Most frames of one asset that Rekognition is paid to look at."
  type        = number
  default     = 120
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "What a month may cost. Beyond it footage is archived, but neither understood nor transcoded, until the next month."
  type        = number
  nullable    = false
  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "region" {
  description = "AWS region. The price book is that of us-east-1."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "tags" {
  description = "Further tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "transcribe_language" {
  description = "Language spoken in the footage, such as en-US, or auto to let Transcribe find out."
  type        = string
  default     = "auto"
  nullable    = false
}

variable "viewer_public_keys" {
  description = "PEM public keys, by name, whose private halves sign the URLs and cookies of viewers. Without any nothing is delivered."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "webhooks" {
  description = "Slack and Discord webhook URLs for alerts. Ephemeral: they go to Secrets Manager and into no plan or state. Raise webhooks_version with each change."
  type = object({
    discord = optional(list(string), [])
    slack   = optional(list(string), [])
  })
  default   = {}
  ephemeral = true
  nullable  = false
  sensitive = true
}

variable "webhooks_version" {
  description = "Raise by one whenever `webhooks` changes: Terraform cannot see a write-only value change."
  type        = number
  default     = 1
  nullable    = false
}

variable "work_retention_days" {
  description = "Days that intermediate files (frames, analysis, transcripts) are kept."
  type        = number
  default     = 30
  nullable    = false
  validation {
    condition     = var.work_retention_days >= 2
    error_message = "work_retention_days must be 2 or more: an execution may take a day."
  }
}
