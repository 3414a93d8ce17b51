# The keys whose signatures open the delivery. A function makes them, so that no private key is in a state, plan or log,
# and rotates them (`impp keys rotate`); Terraform owns the function and the group.
module "viewer_keys" {
  source = "../function"

  artifact                 = var.functions["viewer_keys"]
  description              = var.functions["viewer_keys"].description
  ephemeral_storage_mb     = var.functions["viewer_keys"].ephemeral_storage_mb
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  memory_mb                = var.functions["viewer_keys"].memory_mb
  name                     = "${var.name}-viewer-keys"
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.viewer_keys.json
  tags                     = var.tags
  timeout_s                = var.functions["viewer_keys"].timeout_s

  environment = merge(var.environment, {
    IMPP_KMS_KEY_ARN        = var.kms_key_arn
    IMPP_VIEWER_KEYS_FOLDER = local.viewer_keys_folder
    IMPP_VIEWER_KEYS_NAME   = var.name
    POWERTOOLS_SERVICE_NAME = "viewer_keys"
  })
}

data "aws_iam_policy_document" "viewer_keys" {
  statement {
    sid       = "KeepPrivateKeys"
    actions   = ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"]
    resources = [for place in ["current", "next"] : "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${local.viewer_keys_folder}/${place}"]
  }

  # CloudFront has no resource types for public keys and key groups (Service Authorization Reference).
  statement {
    sid = "RegisterPublicKeys"
    actions = [
      "cloudfront:CreatePublicKey",
      "cloudfront:DeletePublicKey",
      "cloudfront:GetKeyGroup",
      "cloudfront:GetPublicKey",
      "cloudfront:ListKeyGroups",
      "cloudfront:ListPublicKeys",
      "cloudfront:UpdateKeyGroup",
    ]
    resources = ["*"]
  }
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "key_pairs" {
  name   = "key-pairs"
  role   = module.viewer_keys.role_name
  policy = data.aws_iam_policy_document.key_pairs.json
}

data "aws_iam_policy_document" "key_pairs" {
  statement {
    sid       = "MakeKeyPairs"
    actions   = ["kms:GenerateDataKeyPair"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:DataKeyPairSpec"
      values   = ["RSA_2048"]
    }
  }

  # Parameter Store encrypts standard parameters with the caller's permissions.
  statement {
    sid       = "EncryptParameters"
    actions   = ["kms:Encrypt"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["ssm.${local.region}.amazonaws.com"]
    }
  }
}

# Creates the keys, and deletes them with the environment. The result has their ids at CloudFront, nothing else.
resource "aws_lambda_invocation" "viewer_keys" {
  function_name   = module.viewer_keys.name
  input           = jsonencode({})
  lifecycle_scope = "CRUD"

  depends_on = [aws_iam_role_policy.key_pairs]
}

resource "aws_cloudfront_key_group" "viewer_keys" {
  name    = "${var.name}-viewer-keys" # src/impp_lambdas/adapters/viewer_keys.py looks it up
  comment = "Keys whose signatures open ${var.name}'s delivery."
  items   = jsondecode(aws_lambda_invocation.viewer_keys.result).key_pair_ids

  lifecycle {
    # A rotation changes them.
    ignore_changes = [items]
  }
}
