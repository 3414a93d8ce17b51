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

override_data {
  target = module.viewer_keys.data.aws_caller_identity.current
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
  kms_key_arn                 = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  functions = {
    viewer_keys = {
      architecture         = "arm64"
      bucket               = "impp-test-123456789012-code"
      description          = "Makes keys."
      ephemeral_storage_mb = 512
      handler              = "impp_lambdas.handlers.viewer_keys.handler"
      key                  = "viewer_keys.zip"
      layers               = []
      memory_mb            = 256
      runtime              = "python3.13"
      sha256_base64        = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
      timeout_s            = 60
    }
  }
}

run "only_signed_requests_over_https_are_served" {
  command = plan

  override_resource {
    target          = aws_cloudfront_key_group.viewer_keys
    override_during = plan
    values          = { id = "11111111-2222-3333-4444-555555555555" }
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].trusted_key_groups == tolist(["11111111-2222-3333-4444-555555555555"])
    error_message = "The default behaviour must trust the viewers' key group."
  }

  assert {
    condition     = one(aws_cloudfront_distribution.this.default_cache_behavior[0].function_association).event_type == "viewer-request"
    error_message = "A revoked share must pass no default behavior either."
  }

  assert {
    condition = { for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.path_pattern => length(behavior.trusted_key_groups) == 1 } == {
      "/"         = false
      "/app/*"    = false
      "/assets/*" = true
      "/enter"    = false
      "/index/*"  = true
    }
    error_message = "Only the application and the entry may be open."
  }

  assert {
    condition     = one(aws_cloudfront_distribution.this.custom_error_response).error_code == 403 && one(aws_cloudfront_distribution.this.custom_error_response).response_code == 403
    error_message = "The page for those who are refused must keep the status."
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
    condition     = output.domain_name == "d1test.cloudfront.net"
    error_message = "The output must say where."
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

run "a_function_makes_the_keys_and_may_do_nothing_else" {
  command = plan

  assert {
    condition     = aws_lambda_invocation.viewer_keys.lifecycle_scope == "CRUD" && aws_lambda_invocation.viewer_keys.function_name == "impp-test-viewer-keys" && aws_lambda_invocation.viewer_keys.input == "{}"
    error_message = "Terraform must have the keys made with the environment, and deleted with it."
  }

  assert {
    condition     = output.viewer_key_parameter == "/impp-test/viewer-keys/current"
    error_message = "The output must name the parameter of the key that signs."
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.viewer_keys.json).Statement : statement if statement.Sid == "KeepPrivateKeys"] == [{
      Sid    = "KeepPrivateKeys"
      Effect = "Allow"
      Action = ["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"]
      Resource = [
        "arn:aws:ssm:us-east-1:123456789012:parameter/impp-test/viewer-keys/next",
        "arn:aws:ssm:us-east-1:123456789012:parameter/impp-test/viewer-keys/current",
      ]
    }]
    error_message = "The function may reach two parameters."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.key_pairs.policy).Statement == [
      {
        Sid       = "MakeKeyPairs"
        Effect    = "Allow"
        Action    = "kms:GenerateDataKeyPair"
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:DataKeyPairSpec" = "RSA_2048" } }
      },
      {
        Sid       = "EncryptParameters"
        Effect    = "Allow"
        Action    = "kms:Encrypt"
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "ssm.us-east-1.amazonaws.com" } }
      },
    ]
    error_message = "The key must be usable for key pairs and parameters only."
  }
}

run "functions_answer_the_entry_and_refuse_revoked_shares" {
  command = plan

  assert {
    condition     = alltrue([for function in values(aws_cloudfront_function.this) : function.runtime == "cloudfront-js-2.0" && function.publish])
    error_message = "Functions must be published, for the runtime with stores."
  }

  assert {
    condition = { for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.path_pattern => length(behavior.function_association) } == {
      "/"         = 1
      "/app/*"    = 0
      "/assets/*" = 1
      "/enter"    = 1
      "/index/*"  = 0
    }
    error_message = "The entry and the media must have a function."
  }
}

run "media_is_immutable_unless_it_says_otherwise" {
  command = plan

  assert {
    condition     = one(one(aws_cloudfront_response_headers_policy.this.custom_headers_config).items).value == "private, max-age=31536000, immutable" && !one(one(aws_cloudfront_response_headers_policy.this.custom_headers_config).items).override
    error_message = "Objects without Cache-Control must be kept, others as they say."
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
      alltrue([
        for source in ["default-src", "base-uri", "form-action", "frame-ancestors"] :
        strcontains(aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].content_security_policy, "${source} 'none'")
      ]),
    ])
    error_message = "HSTS, no referrer and a closed content security policy must be sent: default-src does not cover forms and bases."
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
    condition     = length(setintersection(aws_cloudwatch_log_delivery.access[0].record_fields, ["cs-uri-query", "cs(Cookie)", "cs(Referer)"])) == 0 && contains(aws_cloudwatch_log_delivery.access[0].record_fields, "cs-uri-stem")
    error_message = "No log may contain the signatures of a link."
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

run "rejects_a_build_without_the_function" {
  command = plan

  variables {
    functions = {}
  }

  expect_failures = [var.functions]
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

run "the_gallery_is_uploaded_with_its_headers" {
  command = plan

  variables {
    gallery = {
      bucket_name = "impp-test-123456789012-delivery"
      files = {
        "app/index.html" = {
          cache_control = "no-cache"
          content_type  = "text/html; charset=utf-8"
          sha256        = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
          source        = "build/gallery/index-0e.html"
        }
      }
    }
  }

  assert {
    condition = { for key, object in aws_s3_object.gallery : key => [object.bucket, object.key, object.cache_control, object.content_type, object.source] } == {
      "app/index.html" = ["impp-test-123456789012-delivery", "app/index.html", "no-cache", "text/html; charset=utf-8", "build/gallery/index-0e.html"]
    }
    error_message = "Each file must be uploaded under its key with its type and its caching."
  }

  assert {
    condition     = startswith(aws_cloudfront_response_headers_policy.gallery.security_headers_config[0].content_security_policy[0].content_security_policy, "default-src 'self';")
    error_message = "The gallery's pages must load nothing from elsewhere."
  }
}

run "the_api_needs_the_viewers_signature_and_admits_this_distribution_only" {
  command = plan

  variables {
    api = { domain_name = "abc.lambda-url.us-east-1.on.aws", function_name = "impp-test-api" }
  }

  override_resource {
    target          = aws_cloudfront_key_group.viewer_keys
    override_during = plan
    values          = { id = "11111111-2222-3333-4444-555555555555" }
  }

  assert {
    condition = [
      for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : [behavior.trusted_key_groups[0], behavior.cache_policy_id, behavior.viewer_protocol_policy]
      if behavior.path_pattern == "/api/*"
    ] == [["11111111-2222-3333-4444-555555555555", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "https-only"]]
    error_message = "Requests must be signed by a viewer's key, and answers must not be cached."
  }
  assert {
    condition     = aws_cloudfront_origin_access_control.api["api"].origin_access_control_origin_type == "lambda" && aws_cloudfront_origin_access_control.api["api"].signing_behavior == "always"
    error_message = "Every request to the function URL must be signed."
  }
  assert {
    condition = jsonencode({
      for name, permission in aws_lambda_permission.api : permission.action => [permission.principal, permission.source_arn, permission.function_url_auth_type]
      }) == jsonencode({
      "lambda:InvokeFunction"    = ["cloudfront.amazonaws.com", "arn:aws:cloudfront::123456789012:distribution/E1TEST", null]
      "lambda:InvokeFunctionUrl" = ["cloudfront.amazonaws.com", "arn:aws:cloudfront::123456789012:distribution/E1TEST", "AWS_IAM"]
    })
    error_message = "Only this distribution may call the function URL."
  }
}
