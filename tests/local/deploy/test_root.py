"""A root is applied to the local cloud as it would be to AWS, from a copy, and is then in its wanted state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impp_local.cloud import LocalCloud
from impp_local.deploy import root
from impp_local.deploy.terraform import LOCK_FILE, REPOSITORY

# One of each kind that the provider asks more of than moto answers. Waits of the provider itself (queues, lifecycle
# rules) are left to the real root.
ROOT = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100.0, < 6.0.0" }
  }
  backend "s3" {}
}
variable "environment" {}
variable "manifest_path" {}
variable "region" {}
variable "viewer_public_keys" { type = map(string) }

provider "aws" { region = var.region }

resource "aws_s3_bucket" "a" { bucket = "impp-${var.environment}-a" }
resource "aws_s3_bucket_notification" "a" {
  bucket      = aws_s3_bucket.a.id
  eventbridge = true
}
resource "aws_s3_bucket_intelligent_tiering_configuration" "a" {
  bucket = aws_s3_bucket.a.id
  name   = "all"
  tiering {
    access_tier = "DEEP_ARCHIVE_ACCESS"
    days        = 180
  }
}
resource "aws_cloudwatch_metric_alarm" "a" {
  alarm_name          = "a"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "m"
  namespace           = "n"
  period              = 60
  statistic           = "Sum"
  threshold           = 0
}
resource "aws_cloudwatch_composite_alarm" "a" {
  alarm_name        = "all"
  alarm_description = "any of them"
  alarm_rule        = "ALARM(${aws_cloudwatch_metric_alarm.a.alarm_name})"
  tags              = { a = "1" }
}
resource "aws_cloudwatch_query_definition" "a" {
  name            = "a"
  query_string    = "fields @message"
  log_group_names = ["/aws/lambda/a"]
}
resource "aws_macie2_account" "a" {}
resource "aws_macie2_classification_job" "a" {
  name       = "a"
  job_type   = "SCHEDULED"
  tags       = { a = "1" }
  depends_on = [aws_macie2_account.a]
  schedule_frequency { daily_schedule = true }
  s3_job_definition {
    bucket_definitions {
      account_id = "123456789012"
      buckets    = [aws_s3_bucket.a.id]
    }
  }
}
resource "aws_ce_anomaly_monitor" "a" {
  name              = "a"
  monitor_type      = "DIMENSIONAL"
  monitor_dimension = "SERVICE"
}
resource "aws_ce_anomaly_subscription" "a" {
  name             = "a"
  frequency        = "DAILY"
  monitor_arn_list = [aws_ce_anomaly_monitor.a.arn]
  subscriber {
    type    = "EMAIL"
    address = "a@example.org"
  }
  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = ["5"]
    }
  }
}
resource "aws_iam_role" "a" {
  name = "a"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "states.amazonaws.com" } }]
  })
}
resource "aws_sfn_state_machine" "a" {
  name       = "a"
  role_arn   = aws_iam_role.a.arn
  definition = jsonencode({ QueryLanguage = "JSONata", StartAt = "A", States = { A = { Type = "Succeed" } } })
}
module "delivery" {
  source              = "../modules/delivery"
  bucket_domain_name  = aws_s3_bucket.a.bucket_regional_domain_name
  viewer_public_keys  = var.viewer_public_keys
}
output "distribution" { value = module.delivery.id }
output "manifest" { value = var.manifest_path }
"""

DELIVERY = """
variable "bucket_domain_name" {}
variable "viewer_public_keys" { type = map(string) }
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_cloudfront_public_key" "a" {
  for_each    = var.viewer_public_keys
  encoded_key = each.value
}
resource "aws_cloudfront_key_group" "a" {
  name  = "a"
  items = values(aws_cloudfront_public_key.a)[*].id
}
resource "aws_cloudfront_response_headers_policy" "a" {
  name = "a"
  security_headers_config {
    content_type_options { override = true }
  }
}
resource "aws_cloudfront_origin_access_control" "a" {
  name                              = "a"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}
resource "aws_cloudfront_distribution" "this" {
  enabled = true
  origin {
    origin_id                = "a"
    domain_name              = var.bucket_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.a.id
  }
  default_cache_behavior {
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    response_headers_policy_id = aws_cloudfront_response_headers_policy.a.id
    target_origin_id           = "a"
    trusted_key_groups         = [aws_cloudfront_key_group.a.id]
    viewer_protocol_policy     = "https-only"
  }
  restrictions {
    geo_restriction { restriction_type = "none" }
  }
  viewer_certificate { cloudfront_default_certificate = true }
}
output "id" { value = aws_cloudfront_distribution.this.id }
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "terraform" / "envs").mkdir(parents=True)
    (root / "modules" / "delivery").mkdir(parents=True)
    (root / "terraform" / "main.tf").write_text(ROOT)
    (root / "terraform" / ".terraform.lock.hcl").write_bytes(LOCK_FILE.read_bytes())
    (root / "terraform" / "envs" / "local.tfvars").write_text('environment = "local"\n')
    (root / "modules" / "delivery" / "main.tf").write_text(DELIVERY)
    return root


def test_the_working_copy_leaves_the_root_alone(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (REPOSITORY / "terraform").glob("*.tf")}
    state, manifest = tmp_path / "state", tmp_path / "manifest.json"
    copy = root.prepare("http://127.0.0.1:1", state, manifest, variables={"monthly_budget_usd": 7})
    (copy / "terraform.tfstate").write_text("{}")
    (copy / "gone.tf").write_text("")
    again = root.prepare("http://127.0.0.1:2", state, manifest)
    assert again == copy
    assert {path: path.read_bytes() for path in (REPOSITORY / "terraform").glob("*.tf")} == before
    assert (copy / "terraform.tfstate").exists() and not (copy / "gone.tf").exists()
    override = (copy / "local_override.tf").read_text()
    assert 'sqs = "http://127.0.0.1:2"' in override and 'backend "local"' in override
    given = json.loads((copy / "local.tfvars.json").read_text())
    assert given["manifest_path"] == str(manifest)
    assert given["viewer_public_keys"]["local"].startswith("-----BEGIN PUBLIC KEY-----")
    assert not (REPOSITORY / "terraform" / "local_override.tf").exists()


@pytest.mark.slow
def test_a_root_is_applied_once_and_for_all(cloud: LocalCloud, repository: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    outputs = root.deploy(cloud.endpoint, cloud.state, manifest, repository=repository)
    assert outputs["manifest"] == str(manifest)
    assert root.planned_changes(cloud.state) == ""
    cloudfront = cloud.client("cloudfront")
    assert cloudfront.get_distribution(Id=outputs["distribution"])["Distribution"]["Status"] == "Deployed"

    cloud.client("cloudwatch").delete_alarms(AlarmNames=["all"])
    assert "aws_cloudwatch_composite_alarm.a" in root.planned_changes(cloud.state)
    assert not root.second_plan_is_empty(cloud.state)

    root.destroy(cloud.state)
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert cloudfront.list_distributions()["DistributionList"]["Quantity"] == 0
    assert cloud.client("ce").get_anomaly_monitors()["AnomalyMonitors"] == []


@pytest.mark.slow
def test_a_failure_tells_what_terraform_said(cloud: LocalCloud, repository: Path, tmp_path: Path) -> None:
    main = repository / "terraform" / "main.tf"
    main.write_text(main.read_text() + '\nresource "aws_s3_bucket" "bad" { bucket = "Not A Bucket" }\n')
    with pytest.raises(root.DeployError, match=r"aws_s3_bucket\.bad"):
        root.deploy(cloud.endpoint, tmp_path / "state", tmp_path / "manifest.json", repository=repository)
