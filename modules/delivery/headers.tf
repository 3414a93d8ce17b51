resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:sent for two years with subdomains; preload is for the owner of a domain to decide

  name    = "${var.name}-delivery"
  comment = "Security headers, and CORS for the players of ${var.name}."

  # For objects without a Cache-Control of their own: a rendition keeps its name and its content, and only the browser
  # that was allowed to load it keeps a copy. Documents (JSON, playlists, captions) are written with `no-cache`.
  custom_headers_config {
    items {
      header   = "Cache-Control"
      override = false
      value    = "private, max-age=31536000, immutable"
    }
  }

  security_headers_config {
    # Media and captions only: no scripts, no frames, and no form that a page among them could have somebody fill in:
    # default-src does not cover that (CSP Level 3, 6.1).
    content_security_policy {
      content_security_policy = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    # A signed URL is a credential, so no Referer may contain it.
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

  # Players need GET, HEAD and ranges, which need no preflight request, and cookies.
  dynamic "cors_config" {
    for_each = length(var.cors_origins) == 0 ? [] : [var.cors_origins]

    content {
      access_control_allow_credentials = true
      access_control_max_age_sec       = 86400
      origin_override                  = true

      access_control_allow_headers {
        items = ["Range"]
      }

      access_control_allow_methods {
        items = ["GET", "HEAD"]
      }

      access_control_allow_origins {
        items = cors_config.value
      }

      access_control_expose_headers {
        items = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"]
      }
    }
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
