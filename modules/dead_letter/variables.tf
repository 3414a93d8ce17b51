variable "kms_key_arn" {
  description = "ARN of the key that encrypts the messages. Its policy must let each sender's service use it."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "name" {
  description = "Name of the queue."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.name))
    error_message = "name must be 1 to 80 letters, digits, hyphens and underscores."
  }
}

variable "senders" {
  description = "AWS services that may send to the queue, by the id of their statement in the queue's policy. Roles with `sqs:SendMessage`, such as a function's, need no entry."
  type = map(object({
    # Service principal, such as `events.amazonaws.com`.
    service = string
    # ARN of the one resource on whose behalf the service may send.
    source_arn = string
  }))
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for id in keys(var.senders) : can(regex("^[A-Za-z0-9]+$", id))])
    error_message = "senders must have keys of letters and digits, as statement ids of a policy."
  }
  validation {
    condition     = alltrue([for sender in values(var.senders) : endswith(sender.service, ".amazonaws.com")])
    error_message = "senders[*].service must be a service principal such as events.amazonaws.com."
  }
  validation {
    condition     = alltrue([for sender in values(var.senders) : can(regex("^arn:[a-z-]+:[^*?]+$", sender.source_arn))])
    error_message = "senders[*].source_arn must be the ARN of one resource, without wildcards."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
