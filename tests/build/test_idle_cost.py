"""What an environment costs while idle, from a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from impp_build.idle_cost import Unpriced, idle_cost, main, table
from impp_lambdas.core.money.storage import MONTH_DAYS


def plan_of(*resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A plan that creates the resources, reads one and deletes another."""
    changes = [{"type": kind, "mode": "managed", "change": {"after": after}} for kind, after in resources]
    return {
        "resource_changes": [
            *changes,
            {"type": "aws_kms_key", "mode": "data", "change": {"after": {}}},
            {"type": "aws_kms_key", "mode": "managed", "change": {"after": None}},
        ]
    }


def alarm(metrics: int = 0, device: str | None = None) -> tuple[str, dict[str, Any]]:
    """An alarm on one metric, or on the sum of several."""
    queries = [{"expression": "SUM(METRICS())", "metric": []}, *[{"metric": [{}]}] * metrics] if metrics else []
    dimensions = {"Device": device} if device else {"FunctionName": "f"}
    return "aws_cloudwatch_metric_alarm", {"metric_query": queries, "dimensions": dimensions}


def test_what_costs_money_while_idle_is_itemised_with_its_free_tier() -> None:
    plan = plan_of(
        ("aws_kms_key", {}),
        ("aws_kms_alias", {}),
        ("aws_lambda_function", {}),
        *[("aws_cloudwatch_dashboard", {})] * 4,
        *[alarm()] * 8,
        alarm(metrics=3),
        ("aws_s3_bucket", {}),
        ("aws_s3_bucket", {}),
        ("aws_macie2_classification_job", {}),
        ("aws_scheduler_schedule", {"name": "report", "schedule_expression": "cron(0 7 * * ? *)"}),
    )
    lines = {line.name: (line.quantity, round(line.usd, 3), round(line.free_usd, 3)) for line in idle_cost(plan)}
    assert lines == {
        "ce api request": (MONTH_DAYS, 0.304, 0),
        "cloudwatch alarm": (11, 1.1, 1.0),
        "cloudwatch dashboard": (4, 12, 9),
        "kms key": (1, 1, 0),
        "macie bucket": (2, 0.2, 0),
    }
    assert table(idle_cost(plan)).splitlines()[-1] == "| **sum** | | **14.60** | **10.00** | **4.60** | |"
    assert all(line.source for line in idle_cost(plan))


def test_each_box_that_sends_heartbeats_has_three_metrics() -> None:
    lines = idle_cost(plan_of(alarm(device="blue-car"), alarm(device="blue-car"), alarm(device="garage")))
    assert [(line.name, line.quantity) for line in lines] == [("cloudwatch alarm", 3), ("cloudwatch custom metric", 6)]


def test_a_resource_without_a_price_is_an_error(tmp_path: Path) -> None:
    plan = plan_of(("aws_nat_gateway", {}))
    with pytest.raises(Unpriced, match="no price for aws_nat_gateway"):
        idle_cost(plan)
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    result = CliRunner().invoke(main, [str(tmp_path / "plan.json")])
    assert (result.exit_code, result.output) == (1, "Error: impp_build.idle_cost has no price for aws_nat_gateway\n")


def test_a_schedule_that_is_not_daily_is_an_error() -> None:
    schedule = {"name": "report", "schedule_expression": "rate(5 minutes)"}
    with pytest.raises(Unpriced, match="not daily"):
        idle_cost(plan_of(("aws_scheduler_schedule", schedule)))
