locals {
  aliases = var.custom_domain == null ? [] : sort(var.custom_domain.aliases)

  # Through a local: a policy document that refers to a resource is read only after that resource's changes.
  distribution_arn = aws_cloudfront_distribution.this.arn

  # Private media requires a signature. Without a key nobody can sign, and a distribution without trusted keys would
  # serve everybody, so it is disabled instead.
  enabled = length(var.viewer_public_keys) > 0

  # AWS's managed policy CachingOptimized: no query string, cookie or header in the cache key, gzip and Brotli.
  # It keeps an object for a day, or as long as the object's Cache-Control says, but at least a second.
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"

  origin_id = "delivery"
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_305:there is no page at the root
  #checkov:skip=CKV_AWS_310:there is one origin
  #checkov:skip=CKV_AWS_374:allowed_countries is the choice of the environment; every request is signed
  #checkov:skip=CKV_AWS_68:web_acl_arn is an option, billed by the month; every request is signed
  #checkov:skip=CKV_AWS_86:access logs v2 are a resource of their own (logs.tf)
  #checkov:skip=CKV_AWS_174:CloudFront's own certificate offers no choice; with custom_domain it is TLSv1.2_2021
  #checkov:skip=CKV2_AWS_42:custom_domain is an option
  #checkov:skip=CKV2_AWS_47:every request is signed, and no Java is behind it; web_acl_arn is an option

  aliases         = local.aliases
  comment         = "${var.name}: private delivery of renditions, posters and captions"
  enabled         = local.enabled
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

  default_cache_behavior {
    allowed_methods            = ["GET", "HEAD"]
    cache_policy_id            = local.caching_optimized
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    target_origin_id           = local.origin_id
    trusted_key_groups         = aws_cloudfront_key_group.viewers[*].id
    viewer_protocol_policy     = "https-only"
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
      condition     = !self.enabled || length(self.default_cache_behavior[0].trusted_key_groups) > 0
      error_message = "An enabled distribution must trust a key group: media is private."
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
