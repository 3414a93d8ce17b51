variable "access_logs" {
  description = "CloudFront's access logs to S3 (standard logging v2, which needs no bucket ACL and a provider for us-east-1). Null: no access logs."
  type = object({
    # Bucket of the logs, which must accept those of output `log_source_arn` below the prefix. Take
    # output `name` of module `bucket`: the delivery then waits for the bucket's policy.
    bucket_name = string
    # Prefix of the logs' keys.
    prefix = optional(string, "cloudfront")
  })
  default = null
}

variable "allowed_countries" {
  description = "ISO 3166 alpha-2 codes of the countries to deliver to. Empty: all."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for code in var.allowed_countries : can(regex("^[A-Z]{2}$", code))])
    error_message = "allowed_countries must be ISO 3166 alpha-2 codes such as DE."
  }
}

variable "api" {
  description = "The function URL that serves `/api/*`, output `origin` of module `api`. Null: none."
  type = object({
    # Host name of the URL.
    domain_name = string
    # Name of the function.
    function_name = string
  })
  default = null
}

variable "bucket_arn" {
  description = "ARN of the delivery bucket."
  type        = string
  nullable    = false
}

variable "bucket_regional_domain_name" {
  description = "Regional domain name of the delivery bucket, the origin."
  type        = string
  nullable    = false
}

variable "cors_origins" {
  description = "Origins (`https://player.example.org`) whose pages may play the media, with cookies. Empty: same origin only."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[^/*]+$|^http://localhost(:[0-9]+)?$", origin))])
    error_message = "cors_origins must be https:// origins without path or wildcard, or http://localhost: browsers send cookies to no others."
  }
}

variable "custom_domain" {
  description = "Your own host names. The distribution then accepts only TLS 1.2 and newer (TLSv1.2_2021); CloudFront's default certificate offers no choice. Null: the cloudfront.net name."
  type = object({
    # Host names.
    aliases = set(string)
    # ACM certificate in us-east-1 that covers them.
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.custom_domain == null || try(length(var.custom_domain.aliases) > 0, false)
    error_message = "custom_domain.aliases must contain at least one host name."
  }

  validation {
    condition     = var.custom_domain == null || try(can(regex("^arn:[^:]+:acm:us-east-1:", var.custom_domain.certificate_arn)), false)
    error_message = "custom_domain.certificate_arn must be an ACM certificate in us-east-1: CloudFront accepts no other."
  }
}

variable "environment" {
  description = "Environment variables of the function, in addition to the module's own."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "functions" {
  description = "Functions of the build by name, output `functions` of module `artifacts`. The module deploys `viewer_keys`."
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
  }))
  nullable = false

  validation {
    condition     = contains(keys(var.functions), "viewer_keys")
    error_message = "The manifest lacks the function viewer_keys: run `make build`."
  }
}

variable "gallery" {
  description = "The built web application, which is uploaded to the delivery bucket. Null: none."
  type = object({
    # Name of the delivery bucket.
    bucket_name = string
    # Files by key: output `gallery_files` of module `artifacts`.
    files = map(object({
      # Value of the header Cache-Control.
      cache_control = string
      # Value of the header Content-Type.
      content_type = string
      # SHA-256 of the content in hex.
      sha256 = string
      # Path of the local file.
      source = string
    }))
  })
  default = null
}

variable "kms_key_arn" {
  description = "ARN of the key that generates the viewers' key pairs and encrypts the private keys and the function's environment and log."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Retention of the function's log, in days."
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
}

variable "price_class" {
  description = "Edge locations to use: PriceClass_100 (Europe, North America), PriceClass_200 or PriceClass_All."
  type        = string
  default     = "PriceClass_100"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "web_acl_arn" {
  description = "ARN of a WAFv2 web ACL of scope CLOUDFRONT. Null: none."
  type        = string
  default     = null
}
