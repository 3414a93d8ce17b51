# GitHub's OIDC tokens instead of stored credentials. Pull requests of the repository may plan: their role reads
# Terraform's state and nothing else. Its environments, which require reviewers, may deploy.
locals {
  github_host = "token.actions.githubusercontent.com"

  # The subject of a token names its repository in one of two ways: `owner/name`, or with ids that are never reused,
  # `owner@1/name@2`, in repositories that were created, renamed or transferred on or after 2026-07-15 or that opted in
  # (GitHub's changelog of 2026-04-23, "Immutable subject claims for GitHub Actions OIDC tokens"). A token has one of them,
  # and only GitHub knows which. So both are trusted where the ids are known.
  github_repositories = var.github_repository == null ? [] : concat(
    try(var.github_repository_ids.only, false) ? [] : [var.github_repository],
    [for ids in var.github_repository_ids[*] : join("/", [
      "${split("/", var.github_repository)[0]}@${ids.owner}",
      "${split("/", var.github_repository)[1]}@${ids.repository}",
    ])],
  )

  # The end of the subject, by role.
  github = var.github_repository == null ? {} : merge(
    { plan = "pull_request" },
    { for environment in var.github_environments : "deploy-${environment}" => "environment:${environment}" },
  )
  deploying = { for name, subject in local.github : name => subject if name != "plan" }
  planning  = { for name, subject in local.github : name => subject if name == "plan" }
}

# IAM allows one provider per URL and account, and answers a second one with EntityAlreadyExists (IAM API reference,
# CreateOpenIDConnectProvider).
resource "aws_iam_openid_connect_provider" "github" {
  for_each = var.create_oidc_provider ? local.planning : {}

  client_id_list = ["sts.amazonaws.com"]
  url            = "https://${local.github_host}"
}

resource "aws_iam_role" "github" {
  for_each = local.github

  name                 = "${local.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.github_trust[each.key].json
  max_session_duration = 3600

  depends_on = [aws_iam_openid_connect_provider.github]
}

data "aws_iam_policy_document" "github_trust" {
  #checkov:skip=CKV_AWS_358:the subject names one repository, and one environment or pull requests

  for_each = local.github

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:${local.partition}:iam::${local.account}:oidc-provider/${local.github_host}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.github_host}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.github_host}:sub"
      values   = [for repository in local.github_repositories : "repo:${repository}:${each.value}"]
    }
  }
}

# --- plan ---

# A pull request is planned against the state only (`-refresh=false`), so its code may read the state and nothing else of
# the account: neither footage nor secrets, which a refresh would read.
resource "aws_iam_role_policy" "plan" {
  for_each = local.planning

  name   = "plan"
  role   = aws_iam_role.github[each.key].name
  policy = data.aws_iam_policy_document.plan.json
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "plan_encryption" {
  for_each = local.planning

  name   = "encryption"
  role   = aws_iam_role.github[each.key].name
  policy = data.aws_iam_policy_document.plan_encryption.json
}

data "aws_iam_policy_document" "plan" {
  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [module.state.arn]
  }

  # Not the saved plans of deployments, which are below plans/.
  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = ["${module.state.arn}/*/terraform.tfstate"]
  }

  # At plan the provider asks Step Functions to validate a definition, which supports no resources.
  statement {
    sid       = "CheckDefinitions"
    actions   = ["states:ValidateStateMachineDefinition"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "plan_encryption" {
  statement {
    sid       = "DecryptState"
    actions   = ["kms:Decrypt"]
    resources = [module.key.arn]
  }
}

# --- deploy ---

# Everything except IAM: the root creates resources of about twenty services. Of IAM the policy contains
# CreateServiceLinkedRole, which Macie and Roles Anywhere need. The statements below deny what belongs to others.
resource "aws_iam_role_policy_attachment" "power_user" {
  for_each = local.deploying

  policy_arn = "arn:${local.partition}:iam::aws:policy/PowerUserAccess"
  role       = aws_iam_role.github[each.key].name
}

resource "aws_iam_role_policy" "deploy" {
  for_each = local.deploying

  name   = "deploy"
  role   = aws_iam_role.github[each.key].name
  policy = data.aws_iam_policy_document.deploy[trimprefix(each.key, "deploy-")].json
}

# A separate policy, because a key's ARN cannot be derived from its name: the other policy stays known at plan.
resource "aws_iam_role_policy" "deploy_encryption" {
  for_each = local.deploying

  name   = "encryption"
  role   = aws_iam_role.github[each.key].name
  policy = data.aws_iam_policy_document.deploy_encryption.json
}

data "aws_iam_policy_document" "deploy" {
  for_each = var.github_environments

  statement {
    sid = "RolesOfTheEnvironment"
    actions = [
      "iam:DeleteRole",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = [local.role_arns[each.key]]
  }

  # For these actions IAM knows the boundary that the role has or, with CreateRole and PutRolePermissionsBoundary, gets
  # (Service Authorization Reference, "Actions, resources, and condition keys for AWS IAM").
  statement {
    sid = "RolesWithTheBoundaryOnly"
    actions = [
      "iam:CreateRole",
      "iam:DeleteRolePolicy",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ]
    resources = [local.role_arns[each.key]]
    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arns[each.key]]
    }
  }

  statement {
    sid       = "LendRolesToTheServicesThatAssumeThem"
    actions   = ["iam:PassRole"]
    resources = [local.role_arns[each.key]]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values = [
        "budgets.amazonaws.com",
        "events.amazonaws.com",
        "lambda.amazonaws.com",
        "mediaconvert.amazonaws.com",
        "rolesanywhere.amazonaws.com",
        "sagemaker.amazonaws.com",
        "scheduler.amazonaws.com",
        "states.amazonaws.com",
      ]
    }
  }

  # Nothing above allows it; this holds whatever is attached to the role later.
  statement {
    sid       = "KeepBoundaries"
    effect    = "Deny"
    actions   = ["iam:DeleteRolePermissionsBoundary"]
    resources = ["*"]
  }

  statement {
    sid       = "KeepTheBoundaryPolicies"
    effect    = "Deny"
    actions   = ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]
    resources = values(local.boundary_arns)
  }

  # All names in S3 are known, so everything else is denied: other buckets, other environments' states and saved plans.
  statement {
    sid     = "OwnObjectsOnly"
    effect  = "Deny"
    actions = ["s3:*"]
    not_resources = [
      "arn:${local.partition}:s3:::impp-${each.key}-*",
      module.state.arn,
      "${module.state.arn}/${each.key}/*",
      "${module.state.arn}/plans/${each.key}/*",
    ]
  }

  # What Terraform's S3 backend needs (its page, "S3 Bucket Permissions"), and what `aws s3 cp` needs for a saved plan.
  statement {
    sid    = "UseTheStateBucketOnly"
    effect = "Deny"
    not_actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:ListBucket",
      "s3:PutObject",
    ]
    resources = [module.state.arn, "${module.state.arn}/*"]
  }

  # Other environments, by name and, where AWS chooses an id, by the tag that every resource of an environment has.
  dynamic "statement" {
    for_each = length(var.environments) > 1 ? [flatten([for other, arns in local.named : arns if other != each.key])] : []

    content {
      sid       = "NamesOfOtherEnvironments"
      effect    = "Deny"
      actions   = ["*"]
      resources = statement.value
    }
  }

  statement {
    sid       = "ResourcesOfOtherEnvironments"
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]
    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/Deployment"
      values   = ["impp-*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:ResourceTag/Deployment"
      values   = ["impp-${each.key}"]
    }
  }
}

data "aws_iam_policy_document" "deploy_encryption" {
  statement {
    sid         = "UseTheStateKeyOnly"
    effect      = "Deny"
    not_actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources   = [module.key.arn]
  }
}

locals {
  role_arns = {
    for environment in var.environments : environment => "arn:${local.partition}:iam::${local.account}:role/impp-${environment}-*"
  }
}
