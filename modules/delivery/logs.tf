locals {
  log_source_name = "${var.name}-delivery"

  # Without query, cookies and referrer: a link to /enter has its signatures in the query, and is a credential.
  log_fields = [
    "date", "time", "time-taken", "time-to-first-byte", "x-edge-location", "x-edge-request-id", "x-edge-result-type",
    "x-edge-response-result-type", "x-edge-detailed-result-type", "c-ip", "cs-method", "cs-protocol", "cs-protocol-version",
    "cs(Host)", "x-host-header", "cs-uri-stem", "cs-bytes", "cs(User-Agent)", "sc-status", "sc-bytes", "sc-content-type",
    "sc-content-len", "sc-range-start", "sc-range-end", "ssl-protocol", "ssl-cipher",
  ]
}

# Standard logging v2: delivered by CloudWatch Logs, so the bucket needs no ACL.
resource "aws_cloudwatch_log_delivery_source" "access" {
  count = var.access_logs == null ? 0 : 1

  name         = local.log_source_name
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
  tags         = var.tags

  lifecycle {
    precondition {
      condition     = local.region == "us-east-1"
      error_message = "access_logs need a provider for us-east-1: CloudFront delivers its logs from there only."
    }
  }
}

resource "aws_cloudwatch_log_delivery_destination" "access" {
  count = var.access_logs == null ? 0 : 1

  name          = "${var.name}-delivery"
  output_format = "json"
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = "arn:${local.partition}:s3:::${var.access_logs.bucket_name}/${var.access_logs.prefix}"
  }
}

resource "aws_cloudwatch_log_delivery" "access" {
  count = var.access_logs == null ? 0 : 1

  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.access[0].arn
  delivery_source_name     = aws_cloudwatch_log_delivery_source.access[0].name
  record_fields            = local.log_fields
  tags                     = var.tags
}
