"""The daily cost report: AWS's bill, the sum of the pipeline's own ledgers, and the budget."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

SERVICES = 8
"""Services that the report names; the rest is summed up."""
WARNING_SHARE = 0.8
"""Share of the budget, spent or forecast, at which the report becomes a warning."""


@dataclass(frozen=True)
class Bill:
    """USD by service according to Cost Explorer, whose figures for the last day are incomplete."""

    yesterday: Mapping[str, float]
    month: Mapping[str, float]


def period(today: date) -> tuple[date, date]:
    """First day and (exclusive) last day of the one paid request that covers yesterday and its month."""
    yesterday = today - timedelta(days=1)
    return yesterday.replace(day=1), today


def sum_bill(results: Iterable[Mapping[str, Any]], today: date) -> Bill:
    """Sum up Cost Explorer's daily `ResultsByTime`, grouped by service. The month is yesterday's."""
    last = (today - timedelta(days=1)).isoformat()
    days: dict[str, float] = defaultdict(float)
    month: dict[str, float] = defaultdict(float)
    for result in results:
        for group in result["Groups"]:
            service, usd = group["Keys"][0], float(group["Metrics"]["UnblendedCost"]["Amount"])
            month[service] += usd
            if result["TimePeriod"]["Start"] == last:
                days[service] += usd
    return Bill(dict(days), dict(month))


def forecast(spent: float, today: date) -> float:
    """Cost of yesterday's whole month at the same daily rate."""
    last = today - timedelta(days=1)
    return spent / last.day * calendar.monthrange(last.year, last.month)[1]


def report(today: date, bill: Bill | None, ledger_usd: float, budget_usd: float, problem: str = "") -> dict[str, Any]:
    """The alert (kind `cost_report`). Without a bill it reports the ledger only, and `problem` as the reason.

    A `budget_usd` of 0 means that none is set. The alert's `usd` is the month's sum: the bill's, or else the ledger's.
    """
    last = today - timedelta(days=1)
    month = sum(bill.month.values()) if bill else ledger_usd
    expected = forecast(max(month, ledger_usd), today)
    severity, assessment = _assess(max(month, ledger_usd), expected, budget_usd)
    lines = []
    if bill:
        lines += [f"Yesterday: ${sum(bill.yesterday.values()):.2f}", *_top(bill.yesterday)]
        lines += [f"{last:%B} so far: ${month:.2f}", *_top(bill.month)]
    else:
        lines.append(f"Cost Explorer returned no figures: {problem}")
    lines += [
        f"Pipeline's own ledger, {last:%B}: ${ledger_usd:.2f}",
        f"Forecast for {last:%B}: ${expected:.2f}",
        assessment,
    ]
    title = f"AWS cost {last:%Y-%m-%d}: ${sum(bill.yesterday.values()):.2f}, month ${month:.2f}" if bill else (
        f"AWS cost {last:%Y-%m-%d}: no bill yet, ledger ${ledger_usd:.2f}"
    )  # fmt: skip
    return {
        "severity": severity,
        "kind": "cost_report",
        "asset": None,
        "title": title,
        "text": "\n".join(lines),
        "links": [
            {"title": "Cost Explorer", "url": "https://console.aws.amazon.com/cost-management/home#/cost-explorer"}
        ],
        "usd": round(month, 6),
    }


def _assess(spent: float, expected: float, budget: float) -> tuple[str, str]:
    if budget <= 0:
        return "info", "No monthly budget is set."
    share = f"{spent / budget:.0%} of the monthly budget of ${budget:.2f}"
    if spent >= budget:
        return "critical", f"Over budget: {share}."
    if max(spent, expected) >= WARNING_SHARE * budget:
        return "warning", f"Near the budget: {share}, forecast {expected / budget:.0%}."
    return "info", f"Within budget: {share}."


def _top(costs: Mapping[str, float]) -> list[str]:
    ranked = sorted(((usd, name) for name, usd in costs.items() if usd >= 0.005), reverse=True)
    lines = [f"  {name}: ${usd:.2f}" for usd, name in ranked[:SERVICES]]
    if rest := sum(usd for usd, _ in ranked[SERVICES:]):
        lines.append(f"  {len(ranked) - SERVICES} others: ${rest:.2f}")
    return lines
