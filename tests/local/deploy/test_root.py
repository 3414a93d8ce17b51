"""The working copy in which Terraform runs, and the error when it fails; tests/e2e applies and destroys the root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impp_local.cloud import LocalCloud
from impp_local.deploy import root
from impp_local.deploy.terraform import LOCK_FILE, REPOSITORY

BAD_ROOT = """
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

resource "aws_s3_bucket" "bad" { bucket = "Not A Bucket" }
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "terraform" / "envs").mkdir(parents=True)
    (root / "modules" / "delivery").mkdir(parents=True)
    (root / "terraform" / "main.tf").write_text(BAD_ROOT)
    (root / "terraform" / ".terraform.lock.hcl").write_bytes(LOCK_FILE.read_bytes())
    (root / "terraform" / "envs" / "local.tfvars").write_text('environment = "local"\n')
    return root


def test_the_working_copy_does_not_change_the_root(tmp_path: Path) -> None:
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
def test_a_failed_apply_reports_what_terraform_printed(cloud: LocalCloud, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(root.DeployError, match=r"aws_s3_bucket\.bad"):
        root.deploy(cloud.endpoint, tmp_path / "state", tmp_path / "manifest.json", repository=repository)
