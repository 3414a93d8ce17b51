"""The month so far: by day and by service, with budget and forecast."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from impp_lambdas.core.money import costs


def days_of(today: date) -> list[str]:
    """The days of a month until today, as `YYYY-MM-DD`."""
    first = today.replace(day=1)
    return [f"{first + timedelta(days=passed):%Y-%m-%d}" for passed in range(today.day)]


def document(
    today: date, usd: float, days: Mapping[str, float], services: Mapping[str, float], budget_usd: float
) -> dict[str, Any]:
    """`{month, usd, forecast_usd, budget_usd, days: [{day, usd}], services: [{service, usd}]}` in USD.

    `usd` includes what is reserved for work that has not ended; `services` only what was spent, the largest first. The
    forecast assumes the same daily rate, today counted as a whole day. A budget of 0 is none: null.
    """
    return {
        "month": f"{today:%Y-%m}",
        "usd": round(usd, 6),
        "forecast_usd": round(costs.forecast(usd, today + timedelta(days=1)), 6),
        "budget_usd": budget_usd or None,
        "days": [{"day": day, "usd": round(days.get(day, 0.0), 6)} for day in days_of(today)],
        "services": [
            {"service": service, "usd": round(spent, 6)}
            for service, spent in sorted(services.items(), key=lambda entry: -entry[1])
        ],
    }
