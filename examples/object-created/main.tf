# A bucket whose new objects each start an existing state machine, with a queue for events that could not start one.

variable "bucket_name" {
  description = "Name of the bucket to create."
  type        = string
}

variable "state_machine_arn" {
  description = "ARN of the state machine that each new object below `originals/` starts, with the event as its input."
  type        = string
}

module "key" {
  source = "../../modules/key"
  name   = "example-ingest"
}

module "originals" {
  source      = "../../modules/bucket"
  name        = var.bucket_name
  eventbridge = true
  kms_key_arn = module.key.arn
  versioning  = true
}

module "ingest" {
  source            = "../../modules/ingest"
  name              = "example"
  bucket_name       = module.originals.name
  kms_key_arn       = module.key.arn
  state_machine_arn = var.state_machine_arn
}

output "dead_letter_queue" {
  description = "Queue of events that could not start an execution."
  value       = module.ingest.dead_letter_queue
}
