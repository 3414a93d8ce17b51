"""What zizmor does not check: versions beside pins, permissions of every job, one Terraform everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.paths import REPOSITORY

from impp_local.deploy.terraform import PINNED

ROOT = REPOSITORY
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ci, deploy, plan = (ROOT / ".github" / "workflows" / f"{name}.yml" for name in ("ci", "deploy", "plan"))


def load(workflow: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    return document


def triggers(workflow: Path) -> dict[str, Any]:
    events: dict[str, Any] = load(workflow)[True]  # YAML 1.1 reads the key `on` as true
    return events


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version(workflow: Path) -> None:
    uses = re.findall(r"^\s*(?:- )?uses: (.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert uses
    for line in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_each_action_has_one_pin() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: (\S+)@(\S+)", text))
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_declares_permissions_and_timeout(workflow: Path) -> None:
    document = load(workflow)
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert job["permissions"], name
        assert job["timeout-minutes"] <= 90, name


def test_ci_needs_no_credential() -> None:
    text = ci.read_text(encoding="utf-8")
    assert "secrets." not in text and "id-token" not in text and "aws-actions" not in text
    assert {"pull_request", "push"} <= triggers(ci).keys()


def test_no_job_with_a_token_runs_for_a_fork_or_writes_to_the_repository() -> None:
    assert triggers(plan).keys() == {"pull_request"}, "pull_request_target would give a fork's code our token"
    jobs = load(plan)["jobs"]
    assert "head.repo.full_name == github.repository" in jobs["build"]["if"]
    for name, job in jobs.items():
        rights = job["permissions"]
        assert name == "build" or job["needs"], f"{name} would run for a fork"
        assert not ("id-token" in rights and "write" in {v for k, v in rights.items() if k != "id-token"}), name
    assert "id-token" not in jobs["build"]["permissions"]


def test_pull_request_plan_reads_only_the_state() -> None:
    """The role may read nothing else (terraform/bootstrap), and a refresh would read secrets and objects."""
    steps = load(plan)["jobs"]["plan"]["steps"]
    command = next(step["run"] for step in steps if step.get("name") == "terraform plan")
    assert {"-refresh=false", "-lock=false"} <= set(command.split())


def test_deploy_runs_on_demand_and_applies_the_approved_plan() -> None:
    assert triggers(deploy).keys() == {"workflow_dispatch"}
    jobs = load(deploy)["jobs"]
    assert all(jobs[name]["environment"] for name in ("plan", "apply"))
    apply = next(
        step["run"] for step in jobs["apply"]["steps"] if "terraform -chdir=terraform apply" in step.get("run", "")
    )
    assert apply.index("sha256sum --check") < apply.index("terraform -chdir=terraform apply")
    assert "-auto-approve" not in apply


def test_workflows_use_the_pinned_terraform() -> None:
    for workflow in WORKFLOWS:
        text = workflow.read_text(encoding="utf-8")
        asked = re.findall(r'(?:terraform_version|TERRAFORM_VERSION): "?([^"\n]+)', text)
        assert asked and {a for a in asked if "${{" not in a} == {PINNED}, workflow.name


def test_workflows_call_existing_targets_and_scripts() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for workflow in WORKFLOWS:
        text = workflow.read_text(encoding="utf-8")
        for command in re.findall(r"run: make ([^\n]+)", text):
            for target in (word for word in command.split() if "=" not in word):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for script in re.findall(r"(?:run: |python3 )(\.[\w./-]+)", text):
            assert (ROOT / script).is_file(), script


@pytest.mark.parametrize("workflow", [deploy, plan], ids=lambda path: path.stem)
def test_the_region_comes_from_one_file(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    assert "vars.AWS_REGION" not in text and "region=$" not in text
    assert text.count("terraform -chdir=terraform init") == text.count("-backend-config=region.tfvars")
    assert len(re.findall("terraform -chdir=terraform plan", text)) == text.count("-var-file=region.tfvars")
    for job in load(workflow)["jobs"].values():
        for step in job["steps"]:
            if "configure-aws-credentials" in step.get("uses", ""):
                assert step["with"]["aws-region"] == "${{ steps.region.outputs.region }}"
    (command,) = {
        step["run"] for job in load(workflow)["jobs"].values() for step in job["steps"] if step.get("id") == "region"
    }
    read = subprocess.run(
        ["bash", "-c", command.replace('>> "$GITHUB_OUTPUT"', "")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert read.stdout == "region=us-east-1\n"


@pytest.mark.parametrize("root", ["terraform", "terraform/bootstrap"])
def test_no_root_has_a_region_of_its_own(root: str) -> None:
    (body,) = re.findall(
        r'^variable "region" \{\n(.*?)^\}', (ROOT / root / "variables.tf").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert "default" not in body
    texts = [path.read_text("utf-8") for path in (*(ROOT / root).glob("*.tf"), *(ROOT / root).glob("envs/*.tfvars"))]
    assert not [text for text in texts if re.search(r'region\s*=\s*"', text)]


@pytest.mark.parametrize("target", ["bootstrap", "deploy", "destroy"])
def test_make_asks_before_it_changes_an_account(target: str) -> None:
    """Terraform shows its plan and applies exactly that one after a yes, unless somebody has approved explicitly."""

    def commands(*settings: str) -> list[str]:
        # Without a search for an interpreter, which takes longer than the rest.
        command = ["make", "-n", target, f"PYTHON={sys.executable}", *settings]
        dry = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return [line for line in dry.stdout.splitlines() if re.search(r" (apply|destroy) ", line)]

    (asking,), (approved,) = commands("ENV=prod"), commands("ENV=prod", "APPROVED=yes")
    assert "-auto-approve" not in asking and "-input=false" not in asking
    assert "-auto-approve" in approved
