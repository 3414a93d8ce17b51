# A bucket of media that can be read only through CloudFront, with a signed URL or cookie. Run `make build` first.
#
#   terraform apply -var bucket_name=my-media -var code_bucket_name=my-code
#   aws ssm get-parameter --with-decryption --name /example/viewer-keys/current --query Parameter.Value --output text

variable "bucket_name" {
  description = "Name of the bucket to create."
  type        = string
}

variable "code_bucket_name" {
  description = "Name of the bucket to create for the zips."
  type        = string
}

variable "manifest_path" {
  description = "Path of the manifest that `make build` wrote."
  type        = string
  default     = "../../build/manifest.json"
}

module "key" {
  source = "../../modules/key"
  name   = "example-delivery"
}

module "code" {
  source        = "../../modules/bucket"
  name          = var.code_bucket_name
  force_destroy = true # the build can recreate everything in it
  kms_key_arn   = module.key.arn
}

module "artifacts" {
  source        = "../../modules/artifacts"
  name          = "example-delivery"
  bucket_name   = module.code.name
  manifest_path = var.manifest_path
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
  functions                   = module.artifacts.functions
  kms_key_arn                 = module.key.arn
}

output "delivery" {
  description = "Host name, and the parameter that holds the key that signs."
  value = {
    domain_name          = module.delivery.domain_name
    viewer_key_parameter = module.delivery.viewer_key_parameter
  }
}
