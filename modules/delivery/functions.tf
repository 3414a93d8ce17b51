# What runs at the edge locations: JavaScript of at most 10 kB, in less than a millisecond, without a network.
locals {
  edge_functions = {
    entry = { comment = "Turns signed links into cookies.", stores = [] }
    gate  = { comment = "Refuses revoked shares.", stores = [aws_cloudfront_key_value_store.revoked.arn] }
  }
}

resource "aws_cloudfront_function" "this" {
  for_each = local.edge_functions

  name                         = "${var.name}-${each.key}"
  code                         = file("${path.module}/functions/${each.key}.js")
  comment                      = each.value.comment
  key_value_store_associations = each.value.stores
  publish                      = true
  runtime                      = "cloudfront-js-2.0"
}

# Keys: the first 32 hex digits of the SHA-256 of a revoked share's policy. `impp shares --revoke` writes them.
resource "aws_cloudfront_key_value_store" "revoked" {
  name    = "${var.name}-revoked-shares"
  comment = "Shares of ${var.name}'s media that were revoked."
}
