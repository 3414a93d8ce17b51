# /api/*: a Lambda function URL behind the same signed cookies. The page sends the body's SHA-256 as x-amz-content-sha256,
# because Lambda accepts no unsigned payload and CloudFront does not hash bodies (CloudFront developer guide, "Restrict
# access to an AWS Lambda function URL origin").
locals {
  api = var.api == null ? {} : { api = var.api }

  # AWS's managed policies CachingDisabled and AllViewerExceptHostHeader. The function URL knows its own host name only.
  caching_disabled              = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer_except_host_header = "b689b0a8-53d0-40ab-baf2-38738e2966ac"
}

resource "aws_cloudfront_origin_access_control" "api" {
  for_each = local.api

  name                              = "${var.name}-api"
  description                       = "Signs every request to the function URL."
  origin_access_control_origin_type = "lambda"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

# New function URLs need both actions since October 2025 (Lambda developer guide, "Control access to Lambda function URLs").
resource "aws_lambda_permission" "api" {
  for_each = var.api == null ? {} : { InvokeFunction = null, InvokeFunctionUrl = "AWS_IAM" }

  statement_id           = "distribution-${each.key}"
  action                 = "lambda:${each.key}"
  function_name          = var.api.function_name
  function_url_auth_type = each.value
  principal              = "cloudfront.amazonaws.com"
  source_arn             = local.distribution_arn
}
