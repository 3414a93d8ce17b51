variable "boxes" {
  description = "Edge boxes by name, each with its own role and certificate."
  type = map(object({
    # CN of the certificate's subject. Null: the box's name.
    common_name = optional(string)
    # Devices whose footage the box may add, as in `originals/<source>/<device>/`. Null: the box's
    # name.
    devices = optional(set(string))
    # Serial number, in hexadecimal, of the only certificate to accept. Null: any certificate with
    # that CN.
    serial = optional(string)
    # Sources whose footage the box may add.
    sources = optional(set(string), ["creator", "dashcam", "phone"])
  }))
  nullable = false

  validation {
    condition     = length(var.boxes) >= 1 && length(var.boxes) <= 250
    error_message = "boxes must contain 1 to 250 boxes: a Roles Anywhere profile holds at most 250 roles."
  }

  validation {
    condition     = alltrue([for name in keys(var.boxes) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", name)) && length("${var.name}-edge-${name}") <= 64])
    error_message = "boxes must have names of lower-case letters, digits and single hyphens, short enough for the role name <name>-edge-<box> to have at most 64 characters."
  }

  validation {
    condition = alltrue([
      for device in flatten([for box in values(var.boxes) : tolist(coalesce(box.devices, []))]) :
      can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", device)) && length(device) <= 63
    ])
    error_message = "boxes[*].devices must be spelled as in object keys: lower-case letters, digits and single hyphens, at most 63 characters."
  }

  validation {
    condition     = alltrue([for box in values(var.boxes) : box.devices == null || length(coalesce(box.devices, [])) > 0])
    error_message = "boxes[*].devices must name at least one device, or be null for the box's own name."
  }

  validation {
    condition = alltrue([
      for box in values(var.boxes) : length(box.sources) > 0 && length(setsubtract(box.sources, ["creator", "dashcam", "phone"])) == 0
    ])
    error_message = "boxes[*].sources must be some of creator, dashcam and phone."
  }

  validation {
    condition     = alltrue([for box in values(var.boxes) : can(regex("^[^*?$]{1,64}$", coalesce(box.common_name, "box")))])
    error_message = "boxes[*].common_name must have 1 to 64 characters and contain no *, ? or $."
  }

  validation {
    condition     = length(distinct([for name, box in var.boxes : coalesce(box.common_name, name)])) == length(var.boxes)
    error_message = "boxes must differ in common_name: otherwise one box's certificate grants another box's role."
  }

  validation {
    condition     = alltrue([for box in values(var.boxes) : can(regex("^[0-9A-Fa-f]{1,2}(:?[0-9A-Fa-f]{2}){0,19}$", coalesce(box.serial, "00")))])
    error_message = "boxes[*].serial must be hexadecimal as `openssl x509 -noout -serial` prints it, at most 20 bytes."
  }
}

variable "bucket_name" {
  description = "Name of the bucket that receives the footage."
  type        = string
  nullable    = false
}

variable "certificate_authority" {
  description = "The authority that signs the boxes' certificates: one of the two."
  type = object({
    # ARN of an authority in AWS Private CA.
    acm_pca_arn = optional(string)
    # PEM certificate of your own authority, or two during a rotation.
    pem = optional(string)
  })
  nullable = false

  validation {
    condition     = (var.certificate_authority.acm_pca_arn == null) != (var.certificate_authority.pem == null)
    error_message = "certificate_authority must have either pem or acm_pca_arn."
  }

  validation {
    condition     = var.certificate_authority.acm_pca_arn == null || can(regex("^arn:[a-z-]+:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/", var.certificate_authority.acm_pca_arn))
    error_message = "certificate_authority.acm_pca_arn must be the ARN of a certificate authority in AWS Private CA."
  }

  validation {
    condition     = var.certificate_authority.pem == null || can(regex("^(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----\\s*)+$", var.certificate_authority.pem))
    error_message = "certificate_authority.pem must contain only PEM certificates: no text around them, and no private key."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "metric_namespace" {
  description = "CloudWatch namespace of the boxes' heartbeats, the only one they may write to."
  type        = string
  default     = "IMPP/Edge"
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

variable "paths" {
  description = "Absolute paths on a box, for `credential_process`."
  type = object({
    # The box's certificate.
    certificate = optional(string, "/etc/impp-edge/certificate.pem")
    # AWS's signing helper.
    helper = optional(string, "/usr/local/bin/aws_signing_helper")
    # The box's private key.
    private_key = optional(string, "/etc/impp-edge/private-key.pem")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for path in values(var.paths) : can(regex("^/[^\\s\"'\\\\]+$", path))])
    error_message = "paths must be absolute and contain no spaces, quotes or backslashes: no shell expands a credential_process, so ~ and $HOME do not work."
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

variable "session_duration_s" {
  description = "Lifetime of a box's credentials in seconds. The box renews them automatically; a stolen copy expires with them."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.session_duration_s >= 900 && var.session_duration_s <= 43200 && floor(var.session_duration_s) == var.session_duration_s
    error_message = "session_duration_s must be a whole number between 900 and 43200, the limits of Roles Anywhere."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
