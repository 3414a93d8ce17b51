variable "deletion_window_days" {
  description = "Days between scheduling the key's deletion and deleting it: the time to notice a mistake."
  type        = number
  default     = 30
  nullable    = false
  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be between 7 and 30, the limits of KMS."
  }
}

variable "name" {
  description = "Name of the key; its alias is `alias/<name>`."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.name))
    error_message = "name must start with a lower-case letter and contain only lower-case letters, digits and hyphens."
  }
}

variable "tags" {
  description = "Tags of the key."
  type        = map(string)
  default     = {}
  nullable    = false
}
