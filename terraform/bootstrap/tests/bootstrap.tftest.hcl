provider "aws" {
  region                      = "us-east-1"
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
  target = module.key.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.state.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  region = "us-east-1"
}

run "creates_only_the_state_bucket_without_a_repository" {
  command = plan

  assert {
    condition     = output.state_bucket == "impp-terraform-123456789012" && length(aws_iam_role.github) == 0
    error_message = "Without a repository there must be only the state bucket."
  }
}

run "github_roles_trust_one_subject_each" {
  command = plan
  variables {
    github_repository = "owner/impp"
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github["plan"].url == "https://token.actions.githubusercontent.com"
    error_message = "The account needs GitHub's identity provider."
  }
  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.github_trust :
      name => jsondecode(document.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]
      } == {
      deploy-dev  = "repo:owner/impp:environment:dev"
      deploy-prod = "repo:owner/impp:environment:prod"
      plan        = "repo:owner/impp:pull_request"
    }
    error_message = "Each role must trust exactly one subject."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.plan["plan"].policy).Statement : statement.Action => statement.Resource } == {
      "s3:GetObject"                          = "arn:aws:s3:::impp-terraform-123456789012/*/terraform.tfstate"
      "s3:ListBucket"                         = "arn:aws:s3:::impp-terraform-123456789012"
      "states:ValidateStateMachineDefinition" = "*"
    }
    error_message = "The plan role may read only the state."
  }
  assert {
    condition = alltrue([
      for environment, document in data.aws_iam_policy_document.deploy :
      jsondecode(document.json).Statement[0].Resource == "arn:aws:iam::123456789012:role/impp-${environment}-*"
    ])
    error_message = "An environment may change its own roles only: neither the other's nor the deploy roles."
  }
}

run "trusts_a_subject_with_ids_too" {
  command = plan
  variables {
    create_oidc_provider  = false
    github_repository     = "owner/impp"
    github_repository_ids = { owner = 123456, repository = 456789 }
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "A second provider of the same URL would be rejected."
  }
  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.github_trust :
      name => toset(jsondecode(document.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"])
      } == {
      deploy-dev  = toset(["repo:owner/impp:environment:dev", "repo:owner@123456/impp@456789:environment:dev"])
      deploy-prod = toset(["repo:owner/impp:environment:prod", "repo:owner@123456/impp@456789:environment:prod"])
      plan        = toset(["repo:owner/impp:pull_request", "repo:owner@123456/impp@456789:pull_request"])
    }
    error_message = "Only GitHub knows which form of the subject a repository has: both must be trusted."
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.github_trust["plan"].json).Statement[0].Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "The account's own provider must be trusted, whoever created it."
  }
}

run "trusts_only_subjects_with_ids_on_request" {
  command = plan
  variables {
    github_repository     = "owner/impp"
    github_repository_ids = { owner = 123456, repository = 456789, only = true }
  }

  assert {
    condition     = jsondecode(data.aws_iam_policy_document.github_trust["plan"].json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:owner@123456/impp@456789:pull_request"
    error_message = "Names alone must not be trusted."
  }
}

run "rejects_ids_without_a_repository" {
  command = plan
  variables {
    github_repository_ids = { owner = 1, repository = 0 }
  }
  expect_failures = [var.github_repository_ids]
}

run "rejects_malformed_values" {
  command = plan
  variables {
    environments      = ["terraform"]
    github_repository = "impp"
  }
  expect_failures = [var.environments, var.github_repository]
}

run "rejects_github_environments_that_the_account_lacks" {
  command = plan
  variables {
    environments        = ["dev"]
    github_environments = ["dev", "prod"]
  }
  expect_failures = [var.github_environments]
}
