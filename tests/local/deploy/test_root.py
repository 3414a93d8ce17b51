"""The working copy in which Terraform runs, and the error when it fails; tests/e2e applies and destroys the root."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.fake_terraform import FakeTerraform

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

provider "aws" { region = var.region }

variable "forgotten" {}
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
    (copy / ".terraform").mkdir()
    (copy / "gone.tf").write_text("")
    again = root.prepare("http://127.0.0.1:2", state, manifest)
    assert again == copy
    assert {path: path.read_bytes() for path in (REPOSITORY / "terraform").glob("*.tf")} == before
    assert (copy / ".terraform").exists() and not (copy / "gone.tf").exists()
    override = (copy / "local_override.tf").read_text()
    assert 'sqs = "http://127.0.0.1:2"' in override and 'backend "http"' in override
    given = json.loads((copy / "local.tfvars.json").read_text())
    assert given["manifest_path"] == str(manifest)
    assert not (REPOSITORY / "terraform" / "local_override.tf").exists()


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTerraform:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return FakeTerraform(folder)


@pytest.mark.slow
def test_a_deployment_is_known_until_something_changes(
    terraform: FakeTerraform, repository: Path, tmp_path: Path
) -> None:
    state, manifest = tmp_path / "state", tmp_path / "manifest.json"
    manifest.write_text("{}")

    def deployed(endpoint: str = "http://127.0.0.1:1", **variables: object) -> object:
        return root.deployed(endpoint, state, manifest, repository=repository, variables=variables)

    assert deployed() is None and not root.is_applied(state)
    outputs = root.deploy("http://127.0.0.1:1", state, manifest, repository=repository)
    assert outputs == deployed() == {"ingest_bucket": "ingest"}
    assert terraform.calls == ["init", "apply", "output"]
    assert deployed("http://127.0.0.1:2") == outputs
    assert deployed(monthly_budget_usd=7) is None
    assert deployed() == outputs  # what was written meanwhile does not count
    manifest.write_text('{"new": "zip"}')
    assert deployed() is None
    manifest.write_text("{}")
    with (repository / "terraform" / "main.tf").open("a") as file:
        file.write("# changed\n")
    assert deployed() is None


def test_a_deployment_moves_to_another_port_with_its_cloud(
    terraform: FakeTerraform, repository: Path, tmp_path: Path
) -> None:
    state, manifest = tmp_path / "state", tmp_path / "manifest.json"
    old, new = (f"http://127.0.0.1:{port}/123456789012/dlq" for port in (4580, 4599))
    terraform.output(ingest_dlq=old)
    assert root.deploy("http://127.0.0.1:4580", state, manifest, repository=repository) == {"ingest_dlq": old}
    known = state / "deploy" / root.STATE
    known.write_text(json.dumps({"serial": 2, "url": old, "origin": "http://127.0.0.1:4580/viewer"}))

    assert root.deployed("http://127.0.0.1:4599", state, manifest, repository=repository) == {"ingest_dlq": new}
    assert json.loads(known.read_text()) == {"serial": 2, "url": new, "origin": "http://127.0.0.1:4580/viewer"}

    terraform.output(ingest_dlq=old)
    root.deploy("http://127.0.0.1:4580", state, manifest, repository=repository)
    assert json.loads(known.read_text())["url"] == old


def test_the_state_of_an_older_cloud_is_kept(terraform: FakeTerraform, repository: Path, tmp_path: Path) -> None:
    old = tmp_path / "state" / "deploy" / "terraform" / root.STATE
    old.parent.mkdir(parents=True)
    old.write_text('{"serial": 8}')
    root.deploy("http://127.0.0.1:1", tmp_path / "state", tmp_path / "manifest.json", repository=repository)
    assert (tmp_path / "state" / "deploy" / root.STATE).read_text() == '{"serial": 8}'
    assert not old.exists()


def test_after_a_failed_apply_nothing_is_known(terraform: FakeTerraform, repository: Path, tmp_path: Path) -> None:
    state, manifest = tmp_path / "state", tmp_path / "manifest.json"
    manifest.write_text("{}")
    root.deploy("http://127.0.0.1:1", state, manifest, repository=repository)
    terraform.break_down()
    with pytest.raises(root.DeployError, match="apply failed"):
        root.deploy("http://127.0.0.1:1", state, manifest, repository=repository)
    assert root.deployed("http://127.0.0.1:1", state, manifest, repository=repository) is None
    assert not root.may_be_unknown(state)
    (state / "deploy" / root.STATE).unlink()
    assert root.may_be_unknown(state)
    root.forget_deployment(state)
    assert not root.may_be_unknown(state)


QUEUE = {
    "mode": "managed",
    "type": "aws_sqs_queue",
    "address": "module.ingest.module.dead_letter[0].aws_sqs_queue.this",
    "change": {"actions": ["create"], "before": None, "after": {"name": "ingest-dlq"}},
}


@pytest.fixture
def queue(cloud: LocalCloud, terraform: FakeTerraform) -> str:
    """The URL of a queue that exists, and that Terraform would create."""
    terraform.plan([QUEUE])
    return str(cloud.client("sqs").create_queue(QueueName="ingest-dlq")["QueueUrl"])


def test_resources_that_exist_are_imported(
    terraform: FakeTerraform, queue: str, cloud: LocalCloud, repository: Path, tmp_path: Path
) -> None:
    state, manifest = tmp_path / "state", tmp_path / "manifest.json"
    root.deploy(cloud.endpoint, state, manifest, repository=repository)
    assert terraform.calls == ["init", "apply", "plan", "show", "apply", "output"]
    copy = state / "deploy" / "terraform"
    assert (copy / root.ADOPTED).read_text() == f'import {{\n  to = {QUEUE["address"]}\n  id = "{queue}"\n}}\n'
    assert root.deployed(cloud.endpoint, state, manifest, repository=repository) is not None
    assert not (copy / root.ADOPTED).exists()


def test_a_predecessor_is_forgotten_before_its_successor_is_imported(
    terraform: FakeTerraform, queue: str, cloud: LocalCloud, repository: Path, tmp_path: Path
) -> None:
    change = {"actions": ["create", "delete"], "before": {"name": "old-dlq"}, "after": {"name": "ingest-dlq"}}
    terraform.plan([{**QUEUE, "change": change}])
    root.deploy(cloud.endpoint, tmp_path / "state", tmp_path / "manifest.json", repository=repository)
    assert terraform.calls == ["init", "apply", "plan", "show", "state", "apply", "output"]
    assert queue in (tmp_path / "state" / "deploy" / "terraform" / root.ADOPTED).read_text()


@pytest.mark.parametrize("lost", ["by a kill", "with the state", "as the state was damaged"])
def test_what_terraform_may_not_know_is_imported_first(
    lost: str, terraform: FakeTerraform, queue: str, cloud: LocalCloud, repository: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    (state / "deploy").mkdir(parents=True)
    (state / "deploy" / (root.APPLYING if lost == "by a kill" else root.EVER_APPLIED)).touch()
    if lost == "as the state was damaged":
        (state / "deploy" / root.STATE).write_text('{"version": 4, "ser')
    root.deploy(cloud.endpoint, state, tmp_path / "manifest.json", repository=repository)
    assert terraform.calls == ["init", "plan", "show", "apply", "output"]
    assert queue in (state / "deploy" / "terraform" / root.ADOPTED).read_text()


@pytest.mark.slow
def test_a_failed_apply_reports_what_terraform_printed(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(root.DeployError, match=r'apply failed(.|\n)* variable "forgotten" is not set'):
        root.deploy("http://127.0.0.1:1", tmp_path / "state", tmp_path / "manifest.json", repository=repository)
