# The gallery: the web application below app/, which holds no data and is therefore served without a signature.
# File names carry the hash of their content, so a new build never overwrites what an open page still loads.
resource "aws_s3_object" "gallery" {
  for_each = try(var.gallery.files, {})

  bucket        = var.gallery.bucket_name
  key           = each.key
  cache_control = each.value.cache_control
  content_type  = each.value.content_type
  source        = each.value.source
  source_hash   = each.value.sha256

  lifecycle {
    # Pages switch to the new modules before the old ones are deleted.
    create_before_destroy = true
  }
}
