variable "artifact" {
  description = "The model: an archive `model.tar.gz` in S3, of weights and `code/inference.py`. Its key must change with its content, because SageMaker reads it once."
  type = object({
    # Name of the bucket.
    bucket = string
    # Key of the object.
    key = string
  })
  nullable = false
  validation {
    condition     = endswith(var.artifact.key, ".tar.gz")
    error_message = "artifact.key must end with .tar.gz: SageMaker unpacks nothing else."
  }
}

variable "asynchronous" {
  description = "An endpoint on instances that scales in to zero and returns results as objects in S3: for models that need a GPU, more than 6 GB of memory or more than a minute. Null: a serverless endpoint."
  type = object({
    # Prefix of the answers, which ends with a slash.
    answers_prefix = string
    # Requests waiting per instance from which another one starts.
    backlog_per_instance = optional(number, 100)
    # Name of the bucket of frames and answers: IMPP's work bucket.
    bucket = string
    # Prefix of the frames.
    frames_prefix = optional(string, "work/")
    # Seconds without work after which an instance ends.
    idle_s = optional(number, 300)
    # Instance type.
    instance_type = string
    # Requests that a container works on at once.
    max_concurrency = optional(number, 4)
    # Most instances.
    max_instances = optional(number, 1)
  })
  default = null
  validation {
    condition     = var.asynchronous == null || can(regex("^work/.+/$", var.asynchronous.answers_prefix))
    error_message = "asynchronous.answers_prefix must be below work/, where analyze may read, and end with a slash."
  }
  validation {
    condition     = var.asynchronous == null || can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", var.asynchronous.instance_type))
    error_message = "asynchronous.instance_type must be a type such as ml.m5.large."
  }
  validation {
    condition     = try(var.asynchronous.max_instances >= 1 && var.asynchronous.idle_s >= 60 && var.asynchronous.backlog_per_instance > 0, var.asynchronous == null)
    error_message = "asynchronous: max_instances must be at least 1, idle_s at least 60, backlog_per_instance more than 0."
  }
}

variable "environment" {
  description = "Environment variables of the container, in addition to `SAGEMAKER_PROGRAM`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "image" {
  description = "Image in ECR that serves the model, such as one of AWS's Deep Learning Containers of the same region."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9/_.-]+[:@].+$", var.image))
    error_message = "image must be an image in ECR with a tag or digest: <account>.dkr.ecr.<region>.amazonaws.com/<name>:<tag>. Serverless endpoints pull from nowhere else."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts artifact, volumes, results and logs."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Retention of logs, in days."
  type        = number
  default     = 30
  nullable    = false
}

variable "name" {
  description = "Name of the endpoint and prefix of all other names: `impp-<environment>-<detector>`."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 50
    error_message = "name must be at most 50 lower-case letters, digits and single hyphens, and start with a letter."
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

variable "serverless" {
  description = "Size of a serverless endpoint, which costs nothing while idle. Ignored with `asynchronous`."
  type = object({
    # Calls at once; beyond, callers wait. IMPP sends 4 per asset.
    max_concurrency = optional(number, 4)
    # Memory in MB.
    memory_mb = optional(number, 2048)
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains([1024, 2048, 3072, 4096, 5120, 6144], var.serverless.memory_mb)
    error_message = "serverless.memory_mb must be 1024, 2048, 3072, 4096, 5120 or 6144."
  }
  validation {
    condition     = var.serverless.max_concurrency >= 1 && var.serverless.max_concurrency <= 200
    error_message = "serverless.max_concurrency must be 1 to 200."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
