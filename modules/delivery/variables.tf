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

variable "name" {
  description = "Prefix of all names, `impp-<environment>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits and hyphens, and start with a letter."
  }
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

variable "viewer_public_keys" {
  description = <<-EOT
    PEM public keys by name; their private keys may sign URLs and cookies. Two at a time allow rotation without a gap.
    Without any the distribution is disabled, never open.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.viewer_public_keys) : can(regex("^[A-Za-z0-9_-]{1,64}$", name))])
    error_message = "viewer_public_keys: names must be 1 to 64 letters, digits, hyphens or underscores."
  }

  validation {
    condition     = alltrue([for pem in values(var.viewer_public_keys) : startswith(trimspace(pem), "-----BEGIN PUBLIC KEY-----") && endswith(trimspace(pem), "-----END PUBLIC KEY-----")])
    error_message = "viewer_public_keys must be PEM public keys (BEGIN PUBLIC KEY): never give a private key here."
  }
}

variable "web_acl_arn" {
  description = "ARN of a WAFv2 web ACL of scope CLOUDFRONT. Null: none."
  type        = string
  default     = null
}
