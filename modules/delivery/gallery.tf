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

resource "aws_cloudfront_response_headers_policy" "gallery" {
  #checkov:skip=CKV_AWS_259:sent for two years with subdomains; preload is for the owner of a domain to decide

  name    = "${var.name}-gallery"
  comment = "Security headers of the gallery's pages of ${var.name}."

  security_headers_config {
    # Everything from this distribution alone. Players of HLS feed the video element from memory, which is a blob: URL.
    content_security_policy {
      content_security_policy = "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      override        = true
      referrer_policy = "no-referrer"
    }

    strict_transport_security {
      access_control_max_age_sec = 63072000
      include_subdomains         = true
      override                   = true
    }
  }
}
