data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account    = data.aws_caller_identity.current.account_id
  bucket_arn = "arn:${local.partition}:s3:::${var.bucket_name}"
  dns_suffix = data.aws_partition.current.dns_suffix
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name

  boxes = {
    for name, box in var.boxes : name => merge(box, {
      common_name = coalesce(box.common_name, name)
      role_arn    = "arn:${local.partition}:iam::${local.account}:role/${var.name}-edge-${name}"
      role_name   = "${var.name}-edge-${name}"

      # Source and device are both spelled out: in IAM `*` also matches slashes, so that originals/*/blue-car/* would
      # match originals/dashcam/red-car/blue-car/x, which is another device's.
      prefixes = [
        for part in setproduct(["originals", "sidecars"], sort(box.sources), sort(coalesce(box.devices, [name]))) : join("/", part)
      ]

      # A session is named after its certificate's serial number in hexadecimal; whether with a leading zero, AWS does
      # not say.
      serials = distinct(flatten([
        for serial in [for told in box.serial[*] : lower(replace(told, ":", ""))] : [serial, trimprefix(serial, "0")]
      ]))
    })
  }
}

# Whose certificates count.
resource "aws_rolesanywhere_trust_anchor" "this" {
  enabled = true
  name    = "${var.name}-edge"
  tags    = var.tags

  source {
    source_type = var.certificate_authority.pem == null ? "AWS_ACM_PCA" : "CERTIFICATE_BUNDLE"

    source_data {
      acm_pca_arn           = var.certificate_authority.acm_pca_arn
      x509_certificate_data = var.certificate_authority.pem
    }
  }
}

# Which roles they can lead to; each role says itself whose certificate it takes.
resource "aws_rolesanywhere_profile" "this" {
  duration_seconds = var.session_duration_s
  enabled          = true
  name             = "${var.name}-edge"
  role_arns        = values(aws_iam_role.box)[*].arn
  tags             = var.tags
}
