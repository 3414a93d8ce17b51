variable "github_environments" {
  description = "GitHub environments that may deploy, each to the root's environment of the same name. Give them required reviewers."
  type        = set(string)
  default     = ["dev", "prod"]
  nullable    = false
  validation {
    condition     = alltrue([for environment in var.github_environments : can(regex("^[a-z][a-z0-9]{1,11}$", environment)) && environment != "terraform"])
    error_message = "github_environments must be 2 to 12 lower-case letters and digits and start with a letter, like `environment` of the root."
  }
}

variable "github_repository" {
  description = "`owner/name` of the GitHub repository whose pull requests may plan and whose environments may deploy. Null: none."
  type        = string
  default     = null
  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "github_repository must be owner/name."
  }
}

variable "region" {
  description = "AWS region of the state bucket."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "tags" {
  description = "Additional tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
