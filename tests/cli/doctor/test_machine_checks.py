"""Terraform, the environment's variables, the bucket of Terraform's state."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.doctor_account import StubbedAws, make_checkout, make_context

from impp_cli.doctor import examination
from impp_cli.doctor.examination import HERE, THERE
from impp_cli.doctor.model import Finding, Verdict

CHECKS = {check.name: check for check in (*HERE, *THERE)}


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.11.4", "1.11.4"),
        ("1.9.8", "1.9.8 is older than 1.11.0; `make` uses its own"),
        (None, "not on PATH; `make` uses its own"),
    ],
)
def test_terraform(version: str | None, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    if version:
        binary = programs / "terraform"
        binary.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
        binary.chmod(0o755)
    (finding,) = examination.run(CHECKS["Terraform"], make_context(StubbedAws(), make_checkout(tmp_path / "checkout")))
    assert (finding.verdict, finding.text) == (Verdict.OK, text)


@pytest.mark.parametrize(
    ("text", "verdict", "line"),
    [
        ('environment = "dev"\nmonthly_budget_usd = 20', Verdict.OK, None),
        ('environment = "prod"\nmonthly_budget_usd = 20', Verdict.FAIL, 'environment = "dev"'),
        ('environment = "dev"', Verdict.FAIL, "monthly_budget_usd = 20"),
        ('environment = "dev"\ntags = {', Verdict.FAIL, None),
    ],
)
def test_variables(text: str, verdict: Verdict, line: str | None, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    (tmp_path / "terraform" / "envs" / "dev.tfvars").write_text(text + "\n")
    (finding,) = examination.run(CHECKS["variables"], make_context(StubbedAws(), checkout))
    assert (finding.verdict, finding.line) == (verdict, line)


@pytest.mark.parametrize(
    ("name", "variables", "shell"),
    [
        ("alerts", 'alert_emails = "a@example.org"', {}),
        ("alerts", "", {"TF_VAR_webhooks": "https://hooks.example.org/secret"}),
        ("alerts", 'webhooks_version = "one"', {}),
        ("Macie", "macie = true", {}),
    ],
)
def test_a_variable_of_another_type_fails_without_being_shown(
    name: str, variables: str, shell: dict[str, str], tmp_path: Path
) -> None:
    context = make_context(StubbedAws(), make_checkout(tmp_path, variables), shell=shell)
    (finding,) = examination.run(CHECKS[name], context)
    assert finding.verdict is Verdict.FAIL and " must be a " in finding.text
    assert "secret" not in str(finding)


def examined(aws: StubbedAws, folder: Path, backend: str | None) -> Finding:
    checkout = make_checkout(folder)
    if backend is not None:
        (folder / "terraform" / "envs" / "backend.hcl").write_text(backend)
    (finding,) = examination.run(CHECKS["state bucket"], make_context(aws, checkout))
    return finding


BUCKET = "impp-terraform-123456789012"
BACKEND = f'bucket = "{BUCKET}"\nkms_key_id = "arn:aws:kms:us-east-1:123456789012:key/1"\n'


@pytest.mark.parametrize("backend", [None, "", "bucket = \n"])
def test_without_a_bucket_the_bootstrap_is_next(backend: str | None, tmp_path: Path) -> None:
    finding = examined(StubbedAws(), tmp_path, backend)
    assert (finding.verdict, finding.command) == (Verdict.FAIL, "make bootstrap")


def test_a_bucket_in_the_region_is_right_and_one_elsewhere_fails(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.answer("s3", "head_bucket", {"BucketRegion": "us-east-1"}, Bucket=BUCKET)
    aws.answer("s3", "head_bucket", {"BucketRegion": "eu-west-1"}, Bucket=BUCKET)
    right, elsewhere = examined(aws, tmp_path / "1", BACKEND), examined(aws, tmp_path / "2", BACKEND)
    assert (right.verdict, right.text) == (Verdict.OK, BUCKET)
    assert (elsewhere.verdict, elsewhere.line) == (Verdict.FAIL, 'region = "eu-west-1"')
    assert elsewhere.file == "terraform/region.tfvars"


@pytest.mark.parametrize(
    ("code", "status", "bucket", "text"),
    [
        ("404", 404, BUCKET, "does not exist"),
        ("403", 403, BUCKET, "access denied"),
        ("403", 403, "impp-terraform-999999999999", "belongs to account 999999999999"),
    ],
)
def test_a_bucket_that_cannot_be_used(code: str, status: int, bucket: str, text: str, tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.refuse("s3", "head_bucket", code, {"404": "Not Found", "403": "Forbidden"}[code], status)
    finding = examined(aws, tmp_path, f'bucket = "{bucket}"\n')
    assert finding.verdict is Verdict.FAIL and text in finding.text
    if text == "access denied":
        assert "s3:ListBucket" in (finding.todo or "")
