# A bucket of media that can be read only through CloudFront, with a signed URL or cookie.
#
#   openssl genrsa -out viewer.pem 2048 && openssl rsa -in viewer.pem -pubout -out viewer.pub.pem
#   terraform apply -var bucket_name=my-media -var "viewer_public_key=$(cat viewer.pub.pem)"

variable "bucket_name" {
  description = "Name of the bucket to create."
  type        = string
}

variable "viewer_public_key" {
  description = "PEM public key; its private key signs URLs and cookies. Without it nothing is delivered."
  type        = string
  default     = null
}

module "key" {
  source = "../../modules/key"
  name   = "example-delivery"
}

module "media" {
  source           = "../../modules/bucket"
  name             = var.bucket_name
  kms_key_arn      = module.key.arn
  policy_documents = [module.delivery.bucket_policy_json]
}

module "delivery" {
  source                      = "../../modules/delivery"
  name                        = "example"
  bucket_arn                  = module.media.arn
  bucket_regional_domain_name = module.media.regional_domain_name
  cors_origins                = ["https://player.example.org"]
  viewer_public_keys          = { for pem in var.viewer_public_key[*] : "viewer" => pem }
}

output "delivery" {
  description = "Host name, status, and the key pair id for signatures."
  value = {
    domain_name  = module.delivery.domain_name
    key_pair_ids = module.delivery.key_pair_ids
    status       = module.delivery.status
  }
}
