variable "create_oidc_provider" {
  description = "Whether to create the account's identity provider for GitHub. False if the account has it: IAM allows one per URL."
  type        = bool
  default     = true
  nullable    = false
}

variable "environments" {
  description = "Environments of the root in this account. Each gets a permissions boundary for its roles."
  type        = set(string)
  default     = ["dev", "prod"]
  nullable    = false
  validation {
    condition     = alltrue([for environment in var.environments : can(regex("^[a-z][a-z0-9]{1,11}$", environment)) && environment != "terraform"])
    error_message = "environments must be 2 to 12 lower-case letters and digits and start with a letter, like `environment` of the root."
  }
}

variable "github_environments" {
  description = "GitHub environments that may deploy, each to the root's environment of the same name. Give them required reviewers."
  type        = set(string)
  default     = ["dev", "prod"]
  nullable    = false
  validation {
    condition     = length(setsubtract(var.github_environments, var.environments)) == 0
    error_message = "github_environments must be some of environments."
  }
}

variable "github_repository" {
  description = "`owner/name` of the GitHub repository whose pull requests may plan and whose environments may deploy. Null: none."
  type        = string
  default     = null
  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "github_repository must be owner/name, without ids: those are github_repository_ids."
  }
}

variable "github_repository_ids" {
  description = "Ids of the repository and its owner, which `gh api repos/<owner>/<name> --jq '.owner.id, .id'` prints. Tokens of repositories that were created, renamed or transferred since 2026-07-15 contain them. Null: trust tokens without ids only."
  type = object({
    # Id of the owner.
    owner = number
    # Id of the repository.
    repository = number
    # Trust tokens with ids only, so that nobody who later takes the names is trusted. For
    # repositories whose tokens have them.
    only = optional(bool, false)
  })
  default = null
  validation {
    condition     = var.github_repository_ids == null || var.github_repository != null
    error_message = "github_repository_ids needs github_repository."
  }
  validation {
    condition     = alltrue([for ids in var.github_repository_ids[*] : alltrue([for id in [ids.owner, ids.repository] : id >= 1 && floor(id) == id])])
    error_message = "github_repository_ids must be whole numbers of 1 or more."
  }
}

variable "region" {
  description = "AWS region of the state bucket, the one of `terraform/region.tfvars`."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Additional tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
