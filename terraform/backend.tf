# Bucket and key come from `terraform init -backend-config=...`: terraform/bootstrap creates the bucket and prints the line.
# The region comes from region.tfvars. S3 itself holds the lock, as an object beside the state.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
