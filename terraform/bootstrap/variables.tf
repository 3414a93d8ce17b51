variable "github_repository" {
  description = "`owner/name` of the GitHub repository whose pull requests may plan; null for none."
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
  description = "Further tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
