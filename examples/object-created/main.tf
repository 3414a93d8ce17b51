# A bucket whose new objects start a state machine that exists already, once each, with a queue for what could not start.

variable "bucket_name" {
  description = "Name of the bucket to make."
  type        = string
}

variable "state_machine_arn" {
  description = "State machine that each new object below originals/ starts, with the event as its input."
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
  description = "Events that could start nothing."
  value       = module.ingest.dead_letter_queue
}
