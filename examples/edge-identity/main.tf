# A bucket to which one edge box adds footage with a certificate instead of a key. docs/guide/edge-credentials.md creates
# authority.pem; its private key stays with you.
#
#   terraform apply -var bucket_name=my-footage -var "authority_pem=$(cat authority.pem)"
#   terraform output -raw aws_config >> ~/.aws/config      # on the box

variable "authority_pem" {
  description = "PEM certificate of your certificate authority."
  type        = string
}

variable "bucket_name" {
  description = "Name of the bucket to create."
  type        = string
}

module "key" {
  source = "../../modules/key"
  name   = "example-edge"
}

module "footage" {
  source      = "../../modules/bucket"
  name        = var.bucket_name
  kms_key_arn = module.key.arn
  versioning  = true
}

module "edge_identity" {
  source                = "../../modules/edge_identity"
  name                  = "example"
  bucket_name           = module.footage.name
  certificate_authority = { pem = var.authority_pem }
  kms_key_arn           = module.key.arn

  # One box, two devices: what the dash cam recorded, and what is on the phone.
  boxes = { garage = { devices = ["annas-phone", "blue-car"], sources = ["dashcam", "phone"] } }
}

output "aws_config" {
  description = "The box's `~/.aws/config`."
  value       = "[profile impp-edge]\n${module.edge_identity.credential_processes["garage"]}\nregion = us-east-1\n"
}
