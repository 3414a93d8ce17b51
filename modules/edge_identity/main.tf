data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account    = data.aws_caller_identity.current.account_id
  bucket_arn = "arn:${local.partition}:s3:::${var.bucket_name}"
  dns_suffix = data.aws_partition.current.dns_suffix
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id

  # What the pipeline adds to an original.
  pipeline_tags = ["impp:archive", "impp:state"]

  boxes = {
    for name, box in var.boxes : name => merge(box, {
      common_name = coalesce(box.common_name, name)
      role_arn    = "arn:${local.partition}:iam::${local.account}:role/${var.name}-edge-${name}"
      role_name   = "${var.name}-edge-${name}"

      # Source and device are both spelled out: in IAM `*` also matches slashes, so originals/*/blue-car/* would match
      # originals/dashcam/red-car/blue-car/x, which belongs to another device.
      prefixes = [
        for part in setproduct(["originals", "sidecars"], sort(box.sources), sort(coalesce(box.devices, [name]))) : join("/", part)
      ]

      # The session name is the certificate's serial number in hexadecimal. AWS does not document whether it has a leading
      # zero.
      serials = distinct(flatten([
        for serial in [for number in box.serial[*] : lower(replace(number, ":", ""))] : [serial, trimprefix(serial, "0")]
      ]))
    })
  }
}

# The authority whose certificates are accepted.
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

# The roles that certificates can assume. Each role's trust policy names its box.
resource "aws_rolesanywhere_profile" "this" {
  duration_seconds = var.session_duration_s
  enabled          = true
  name             = "${var.name}-edge"
  role_arns        = values(aws_iam_role.box)[*].arn
  tags             = var.tags
}
