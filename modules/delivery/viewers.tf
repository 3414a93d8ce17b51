# A key can neither be changed in place nor deleted while its group contains it. Terraform creates the new one first,
# under a different name.
resource "aws_cloudfront_public_key" "viewers" {
  for_each = var.viewer_public_keys

  name        = "${var.name}-${each.key}-${substr(sha256(trimspace(each.value)), 0, 8)}"
  comment     = "Verifies URLs and cookies signed by ${each.key}."
  encoded_key = "${trimspace(each.value)}\n"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudfront_key_group" "viewers" {
  count = local.enabled ? 1 : 0

  name    = "${var.name}-viewers"
  comment = "Keys whose signatures open ${var.name}'s delivery."
  items   = values(aws_cloudfront_public_key.viewers)[*].id

  # CloudFront deletes a key group only after no distribution uses it.
  lifecycle {
    create_before_destroy = true
  }
}
