# One item per asset, and items for claims, task tokens, the month's spending and what quotes have learned. The prefix of `pk` distinguishes them.
resource "aws_dynamodb_table" "catalog" {
  name                        = "${var.name}-catalog"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = var.catalog_deletion_protection
  hash_key                    = "pk"
  tags                        = var.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "day"
    type = "S"
  }

  attribute {
    name = "captured_at"
    type = "S"
  }

  # Only assets have a day, so the index contains only assets.
  global_secondary_index {
    name            = "by_day"
    hash_key        = "day"
    range_key       = "captured_at"
    projection_type = "ALL"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}
