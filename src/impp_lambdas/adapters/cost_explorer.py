"""Daily figures from Cost Explorer. One request costs $0.01."""

from __future__ import annotations

from datetime import date
from typing import Any

from impp_lambdas.adapters import aws


def daily_costs(start: date, end: date, cost_tag: str) -> list[dict[str, Any]]:
    """`ResultsByTime` per day and service from `start` to before `end`.

    `cost_tag` (`key=value`, an activated cost allocation tag) restricts it to tagged resources; empty means all.
    """
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    if cost_tag:
        key, _, value = cost_tag.partition("=")
        request["Filter"] = {"Tags": {"Key": key, "Values": [value], "MatchOptions": ["EQUALS"]}}
    results: list[dict[str, Any]] = []
    while True:
        page = aws.client("ce").get_cost_and_usage(**request)
        results += page["ResultsByTime"]
        if not page.get("NextPageToken"):
            return results
        request["NextPageToken"] = page["NextPageToken"]
