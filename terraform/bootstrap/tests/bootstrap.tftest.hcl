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
      for name, document in data.aws_iam_policy_document.deploy :
      jsondecode(document.json).Statement[0].Resource == "arn:aws:iam::123456789012:role/impp-${trimprefix(name, "deploy-")}-*"
    ])
    error_message = "An environment may change its own roles only: neither the other's nor the deploy roles."
  }
}

run "rejects_malformed_values" {
  command = plan
  variables {
    github_environments = ["terraform"]
    github_repository   = "impp"
  }
  expect_failures = [var.github_environments, var.github_repository]
}
