"""The comment that summarizes a Terraform plan in a pull request."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.support.paths import REPOSITORY

SCRIPT = REPOSITORY / ".github" / "scripts" / "plan_comment.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plan_comment", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change(kind: str, *actions: str, name: str = "x", before: Any = None, after: Any = None) -> dict[str, Any]:
    return {
        "address": f"module.m.{kind}.{name}",
        "type": kind,
        "change": {"actions": list(actions), "before": before, "after": after},
    }


def test_destroyed_resources_and_changed_permissions_are_listed(script: ModuleType) -> None:
    plan = {
        "resource_changes": [
            change("aws_dynamodb_table", "delete", "create", name="catalog", before={}, after={}),
            change("aws_iam_role_policy", "update", name="inspect", before={}, after={}),
            change("aws_sqs_queue", "create", name="dlq", after={}),
            change("aws_sns_topic", "no-op", name="alerts", before={}, after={}),
        ]
    }
    text = script.comment("dev", plan, "the plan")
    assert "**2 to add, 1 to change, 1 to destroy.**" in text
    destroyed = text.split("**Destroyed or replaced**")[1].split("**")[0]
    assert "aws_dynamodb_table.catalog" in destroyed and "aws_sqs_queue" not in destroyed
    rights = text.split("**Changed permissions and exposure**")[1].split("<details>")[0]
    assert "aws_iam_role_policy.inspect" in rights and "aws_dynamodb_table" not in rights
    assert "aws_sns_topic" not in text


@pytest.mark.parametrize(
    "kind",
    [
        "aws_cloudfront_function",  # whom a link admits
        "aws_cloudwatch_event_target",
        "aws_kms_grant",
        "aws_lambda_function_url",
        "aws_rolesanywhere_trust_anchor",  # a second authority could be any box
        "aws_s3_bucket_policy",
        "aws_sns_topic_subscription",  # hears every alert
    ],
)
def test_what_a_hostile_change_would_use_is_listed(script: ModuleType, kind: str) -> None:
    text = script.comment("prod", {"resource_changes": [change(kind, "create", after={})]}, "the plan")
    assert f"- `module.m.{kind}.x` (create)" in text.split("**Changed permissions and exposure**")[1]


def test_a_plan_without_changes_says_so(script: ModuleType) -> None:
    text = script.comment("prod", {"resource_changes": [change("aws_sns_topic", "no-op")]}, "No changes.")
    assert "**No changes.**" in text and "Standing cost" not in text and "Destroyed" not in text


def test_standing_cost_counts_metrics_and_deleted_resources(script: ModuleType) -> None:
    three_metrics = {"metric_query": [{"metric": [{}]}, {"metric": [{}]}, {"metric": [{}]}, {"metric": []}]}
    plan = {
        "resource_changes": [
            change("aws_kms_key", "create", after={}),  # 1.00
            change("aws_cloudwatch_metric_alarm", "create", after=three_metrics),  # 0.30
            change("aws_secretsmanager_secret", "delete", before={}),  # -0.40
            change("aws_cloudwatch_dashboard", "update", before={}, after={}),  # stays
        ]
    }
    assert "**Standing cost**: +0.90 USD per month" in script.comment("dev", plan, "")


def test_plan_text_cannot_end_its_code_fence(script: ModuleType) -> None:
    text = script.comment("dev", {}, "before\n`````\n@everyone <script>\n```\nafter")
    inside = text.split("``````\n")
    assert len(inside) == 3 and "@everyone <script>" in inside[1]


def test_a_long_plan_is_cut_at_a_line(script: ModuleType) -> None:
    text = script.comment("dev", {}, "\n".join(f"line {n}" for n in range(10_000)))
    assert len(text) < 30_000 and "… cut" in text
    assert text.split("\n… cut")[0].rsplit("\n", 1)[1].startswith("line ")


def test_script_needs_only_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"resource_changes": []}')
    (tmp_path / "plan.txt").write_text("No changes.")
    given = ["--environment", "dev", "--plan", str(tmp_path / "plan.json"), "--text", str(tmp_path / "plan.txt")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), *given],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("### Terraform plan: `dev`")
