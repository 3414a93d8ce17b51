variable "bucket_name" {
  description = "Name of the bucket for the zips."
  type        = string
  nullable    = false
}

variable "manifest_path" {
  description = "Path of the manifest that `build.py all` wrote; paths inside it are relative to its folder."
  type        = string
  nullable    = false
  validation {
    condition     = fileexists(var.manifest_path)
    error_message = "manifest_path names no file: run `make build` first."
  }
}

variable "name" {
  description = "Prefix of the layers' names."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "overrides" {
  description = "Sizes by function that differ from `functions.toml` in this environment. A timeout can only be shortened."
  type = map(object({
    # Memory in MB.
    memory_mb = optional(number)
    # Seconds after which Lambda stops an invocation.
    timeout_s = optional(number)
  }))
  default  = {}
  nullable = false
}
