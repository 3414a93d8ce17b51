provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "elsewhere"
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

# AWS chooses these values. Fixed ones make the policies that contain them known at plan.
override_resource {
  target          = aws_cloudfront_distribution.this
  override_during = plan
  values = {
    arn         = "arn:aws:cloudfront::123456789012:distribution/E1TEST"
    domain_name = "d1test.cloudfront.net"
    id          = "E1TEST"
  }
}

variables {
  bucket_arn                  = "arn:aws:s3:::impp-test-123456789012-delivery"
  bucket_regional_domain_name = "impp-test-123456789012-delivery.s3.us-east-1.amazonaws.com"
  name                        = "impp-test"
  viewer_public_keys = {
    family = <<-EOT
      -----BEGIN PUBLIC KEY-----
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA55x8A8VyDkrkK6aH/DLV
      01UR7YuvaAkPzMmd/HPSAHg83jLL9SQ932HsePUzolQeB85M4DF8ucM4jMBpOENg
      oQBRPwo5y2L2wJ38MJtwrWXCbCTlaaJ9pmCZWBuGAgYl13zOx3H6657jdTM34tKg
      5zFK8KsGkMSBxQ8DxhZ/XjGGUE5v2E8tWUX10pRk/ZTVYxksbgDthW9MP9s5U2hD
      BACZWA0ynnyjercSL7eFaS97vG72LmXjTumts2RiAwymqGjMmWaU2J7F9aKvSYI0
      X718hfskGPeuOnklwySoL347WdcTq6Xtvz+BvIVVoM+FhtA9FqK6FnP/YY7WyhgD
      0wIDAQAB
      -----END PUBLIC KEY-----
    EOT
  }
}

run "only_signed_requests_over_https_are_served" {
  command = plan

  override_resource {
    target          = aws_cloudfront_key_group.viewers
    override_during = plan
    values          = { id = "11111111-2222-3333-4444-555555555555" }
  }

  assert {
    condition     = aws_cloudfront_distribution.this.enabled && aws_cloudfront_distribution.this.default_cache_behavior[0].trusted_key_groups == tolist(["11111111-2222-3333-4444-555555555555"])
    error_message = "The one behaviour must trust the viewers' key group."
  }

  assert {
    condition     = length(aws_cloudfront_distribution.this.ordered_cache_behavior) == 0
    error_message = "There must be no second cache behavior, which could bypass the signature."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "https-only"
    error_message = "HTTP must be denied."
  }

  assert {
    condition     = aws_cloudfront_origin_access_control.this.signing_behavior == "always" && aws_cloudfront_origin_access_control.this.signing_protocol == "sigv4"
    error_message = "Every request to the bucket must be signed."
  }

  assert {
    condition     = startswith(output.status, "Delivery is on") && output.domain_name == "d1test.cloudfront.net"
    error_message = "The outputs must say that delivery is on and where."
  }
}

run "only_this_distribution_may_read_the_bucket" {
  command = plan

  assert {
    condition = jsondecode(output.bucket_policy_json).Statement == [{
      Sid       = "DistributionReads"
      Effect    = "Allow"
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::impp-test-123456789012-delivery/*"
      Principal = { Service = "cloudfront.amazonaws.com" }
      Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:cloudfront::123456789012:distribution/E1TEST" } }
    }]
    error_message = "The bucket policy must name one action and this distribution."
  }
}

run "disabled_without_keys" {
  command = plan

  variables {
    viewer_public_keys = {}
  }

  assert {
    condition     = !aws_cloudfront_distribution.this.enabled && !output.enabled && length(aws_cloudfront_key_group.viewers) == 0
    error_message = "A distribution that cannot check signatures must be off."
  }

  assert {
    condition     = strcontains(output.status, "DISABLED") && strcontains(output.status, "viewer_public_keys")
    error_message = "The status must say why nothing is delivered."
  }
}

run "sends_security_headers" {
  command = plan

  variables {
    cors_origins = ["https://player.example.org"]
  }

  assert {
    condition     = aws_cloudfront_response_headers_policy.this.cors_config[0].access_control_allow_credentials && one(aws_cloudfront_response_headers_policy.this.cors_config[0].access_control_allow_origins[*].items) == toset(["https://player.example.org"])
    error_message = "Players must be allowed with cookies, by name."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_response_headers_policy.this.security_headers_config[0].strict_transport_security[0].access_control_max_age_sec >= 31536000,
      aws_cloudfront_response_headers_policy.this.security_headers_config[0].referrer_policy[0].referrer_policy == "no-referrer",
      strcontains(aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].content_security_policy, "default-src 'none'"),
    ])
    error_message = "HSTS, no referrer and a closed content security policy must be sent."
  }
}

run "no_cors_by_default" {
  command = plan

  assert {
    condition     = length(aws_cloudfront_response_headers_policy.this.cors_config) == 0
    error_message = "Other origins must be denied by default."
  }
}

run "a_custom_domain_requires_tls_1_2" {
  command = plan

  variables {
    custom_domain = {
      aliases         = ["media.example.org"]
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    }
  }

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && aws_cloudfront_distribution.this.viewer_certificate[0].ssl_support_method == "sni-only"
    error_message = "With a custom certificate TLS 1.2 must be the minimum."
  }

  assert {
    condition     = output.domain_name == "media.example.org"
    error_message = "The output must be the custom host name."
  }
}

run "access_logs_go_to_one_prefix" {
  command = plan

  variables {
    access_logs = { bucket_name = "impp-test-123456789012-logs" }
  }

  assert {
    condition     = aws_cloudwatch_log_delivery_destination.access[0].delivery_destination_configuration[0].destination_resource_arn == "arn:aws:s3:::impp-test-123456789012-logs/cloudfront"
    error_message = "Logs must go below their prefix."
  }

  assert {
    condition     = output.log_source_arn == "arn:aws:logs:us-east-1:123456789012:delivery-source:${aws_cloudwatch_log_delivery_source.access[0].name}"
    error_message = "The bucket must accept the logs of this source."
  }

  assert {
    condition     = aws_cloudwatch_log_delivery_source.access[0].log_type == "ACCESS_LOGS"
    error_message = "Access logs must be enabled."
  }
}

run "rejects_access_logs_outside_us_east_1" {
  command = plan

  providers = {
    aws = aws.elsewhere
  }

  variables {
    access_logs = { bucket_name = "impp-test-123456789012-logs" }
  }

  expect_failures = [aws_cloudwatch_log_delivery_source.access]
}

run "rejects_private_keys_and_malformed_names" {
  command = plan

  variables {
    viewer_public_keys = { "my family" = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n" }
  }

  expect_failures = [var.viewer_public_keys]
}

run "rejects_malformed_origins_countries_classes_and_domains" {
  command = plan

  variables {
    allowed_countries = ["Germany"]
    cors_origins      = ["*"]
    custom_domain     = { aliases = [], certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
    name              = "IMPP"
    price_class       = "cheap"
  }

  expect_failures = [var.allowed_countries, var.cors_origins, var.custom_domain, var.name, var.price_class]
}
