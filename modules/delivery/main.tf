data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  aliases = var.custom_domain == null ? [] : sort(var.custom_domain.aliases)

  # Through a local: a policy document that refers to a resource is read only after that resource's changes.
  distribution_arn = aws_cloudfront_distribution.this.arn

  # AWS's managed policy CachingOptimized: no query string, cookie or header in the cache key, gzip and Brotli.
  # It keeps an object for a day, or as long as the object's Cache-Control says, but at least a second.
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"

  origin_id = "delivery"

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  # The first whose pattern fits counts. Data in the bucket is below /assets and /index, the application below /app. The
  # function `entry` answers `/` and `/enter` itself.
  behaviors = [
    { path_pattern = "/", signed = false, function = "entry" },
    { path_pattern = "/enter", signed = false, function = "entry" },
    { path_pattern = "/app/*", signed = false, function = null },
    { path_pattern = "/assets/*", signed = true, function = "gate" },
    { path_pattern = "/index/*", signed = true, function = null },
  ]

  viewer_keys_folder = "/${var.name}/viewer-keys"
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_305:a function answers the root with a redirect
  #checkov:skip=CKV_AWS_310:each path has one origin
  #checkov:skip=CKV_AWS_374:allowed_countries is the choice of the environment; every request is signed
  #checkov:skip=CKV_AWS_68:web_acl_arn is an option, billed by the month; every request is signed
  #checkov:skip=CKV_AWS_86:access logs v2 are a resource of their own (logs.tf)
  #checkov:skip=CKV_AWS_174:CloudFront's own certificate offers no choice; with custom_domain it is TLSv1.2_2021
  #checkov:skip=CKV2_AWS_42:custom_domain is an option
  #checkov:skip=CKV2_AWS_47:every request is signed, and no Java is behind it; web_acl_arn is an option

  aliases         = local.aliases
  comment         = "${var.name}: private delivery of renditions, posters and captions"
  enabled         = true
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.price_class
  tags            = var.tags
  web_acl_id      = var.web_acl_arn

  origin {
    origin_id                = local.origin_id
    domain_name              = var.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  dynamic "origin" {
    for_each = local.api

    content {
      origin_id                = origin.key
      domain_name              = origin.value.domain_name
      origin_access_control_id = aws_cloudfront_origin_access_control.api[origin.key].id

      custom_origin_config {
        http_port              = 80
        https_port             = 443
        origin_protocol_policy = "https-only"
        origin_read_timeout    = 60
        origin_ssl_protocols   = ["TLSv1.2"]
      }
    }
  }

  # Whatever has no behavior of its own needs a signature, and one of no revoked share: CloudFront does not document in
  # which spelling of a path it looks for a behavior, so one of /assets/* may end here.
  default_cache_behavior {
    allowed_methods            = ["GET", "HEAD"]
    cache_policy_id            = local.caching_optimized
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    target_origin_id           = local.origin_id
    trusted_key_groups         = [aws_cloudfront_key_group.viewer_keys.id]
    viewer_protocol_policy     = "https-only"

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.this["gate"].arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.behaviors

    content {
      allowed_methods            = ["GET", "HEAD"]
      cache_policy_id            = local.caching_optimized
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      path_pattern               = ordered_cache_behavior.value.path_pattern
      response_headers_policy_id = ordered_cache_behavior.value.signed ? aws_cloudfront_response_headers_policy.this.id : aws_cloudfront_response_headers_policy.gallery.id
      target_origin_id           = local.origin_id
      trusted_key_groups         = ordered_cache_behavior.value.signed ? [aws_cloudfront_key_group.viewer_keys.id] : []
      viewer_protocol_policy     = ordered_cache_behavior.value.signed ? "https-only" : "redirect-to-https"

      dynamic "function_association" {
        for_each = ordered_cache_behavior.value.function == null ? [] : [ordered_cache_behavior.value.function]

        content {
          event_type   = "viewer-request"
          function_arn = aws_cloudfront_function.this[function_association.value].arn
        }
      }
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.api

    content {
      allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"] # CloudFront offers POST with all others only
      cache_policy_id            = local.caching_disabled
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      origin_request_policy_id   = local.all_viewer_except_host_header
      path_pattern               = "/api/*"
      response_headers_policy_id = aws_cloudfront_response_headers_policy.gallery.id # without CORS: no other site may ask
      target_origin_id           = ordered_cache_behavior.key
      trusted_key_groups         = [aws_cloudfront_key_group.viewer_keys.id]
      viewer_protocol_policy     = "https-only"
    }
  }

  # For links that have expired or never were valid. The status stays.
  custom_error_response {
    error_caching_min_ttl = 10
    error_code            = 403
    response_code         = 403
    response_page_path    = "/app/denied.html"
  }

  restrictions {
    geo_restriction {
      locations        = var.allowed_countries
      restriction_type = length(var.allowed_countries) == 0 ? "none" : "whitelist"
    }
  }

  viewer_certificate {
    acm_certificate_arn            = try(var.custom_domain.certificate_arn, null)
    cloudfront_default_certificate = var.custom_domain == null
    # CloudFront offers a choice only with a custom certificate, and reports TLSv1 with its default one.
    minimum_protocol_version = var.custom_domain == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method       = var.custom_domain == null ? null : "sni-only"
  }

  lifecycle {
    postcondition {
      condition = length(self.default_cache_behavior[0].trusted_key_groups) > 0 && alltrue([
        for behavior in self.ordered_cache_behavior : length(behavior.trusted_key_groups) > 0 || contains(["/", "/app/*", "/enter"], behavior.path_pattern)
      ])
      error_message = "Only the application and the entry may be open: media and index are private."
    }
  }
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = "${var.name}-delivery"
  description                       = "Signs every request to the delivery bucket."
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

data "aws_iam_policy_document" "origin" {
  statement {
    sid       = "DistributionReads"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arn}/*"]
    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.distribution_arn]
    }
  }
}
