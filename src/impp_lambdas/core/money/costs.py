"""The daily cost report: what AWS billed, what the catalog's ledger says, and what the budget allows."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

SERVICES = 8
"""Services named in the report; the rest is one sum."""
WARNING_SHARE = 0.8
"""Share of the budget, spent or forecast by ledger or bill, from which the report is a warning."""


@dataclass(frozen=True)
class Billed:
    """USD by service as Cost Explorer has them; its figures of the last day are still growing."""

    yesterday: Mapping[str, float]
    month: Mapping[str, float]


def period(today: date) -> tuple[date, date]:
    """First day and (exclusive) last day to ask for, so that one paid request covers yesterday and this month."""
    yesterday = today - timedelta(days=1)
    return yesterday.replace(day=1), today


def billed(results: Iterable[Mapping[str, Any]], today: date) -> Billed:
    """Sums of Cost Explorer's daily ``ResultsByTime`` grouped by service. The month is yesterday's."""
    last = (today - timedelta(days=1)).isoformat()
    days: dict[str, float] = defaultdict(float)
    month: dict[str, float] = defaultdict(float)
    for result in results:
        for group in result["Groups"]:
            service, usd = group["Keys"][0], float(group["Metrics"]["UnblendedCost"]["Amount"])
            month[service] += usd
            if result["TimePeriod"]["Start"] == last:
                days[service] += usd
    return Billed(dict(days), dict(month))


def forecast(spent: float, today: date) -> float:
    """What yesterday's month comes to if it goes on as it went."""
    last = today - timedelta(days=1)
    return spent / last.day * calendar.monthrange(last.year, last.month)[1]


def report(today: date, bill: Billed | None, ledger_usd: float, budget_usd: float, problem: str = "") -> dict[str, Any]:
    """The alert (kind ``cost_report``). Without a bill the ledger alone is reported, and the reason said.

    ``budget_usd`` 0 means none is set. ``usd`` is the month's sum: the bill's, or the ledger's without one.
    """
    last = today - timedelta(days=1)
    month = sum(bill.month.values()) if bill else ledger_usd
    expected = forecast(max(month, ledger_usd), today)
    severity, judged = _judge(max(month, ledger_usd), expected, budget_usd)
    lines = []
    if bill:
        lines += [f"Yesterday: ${sum(bill.yesterday.values()):.2f}", *_top(bill.yesterday)]
        lines += [f"{last:%B} so far: ${month:.2f}", *_top(bill.month)]
    else:
        lines.append(f"Cost Explorer gave no figures: {problem}")
    lines += [
        f"Pipeline by its own ledger, {last:%B}: ${ledger_usd:.2f}",
        f"Forecast for {last:%B}: ${expected:.2f}",
        judged,
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


def _judge(spent: float, expected: float, budget: float) -> tuple[str, str]:
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
