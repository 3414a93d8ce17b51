"""What is spent and reserved: per month, per day, and per device and day. One transaction counts in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import dynamo
from impp_lambdas.adapters.dynamo import Counter
from impp_lambdas.core import keys

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings

KEPT_DAYS = 40
"""How long the sums of single days are kept; those of months stay."""


def reserve(settings: Settings, media: Mapping[str, Any], execution: str, usd: float) -> tuple[str, str] | None:
    """Reserve a quote, once per execution. Returns why there is no room: `over_<limit>` and a detail, else None.

    `media` needs `asset`, `day` (`YYYY-MM-DD`, UTC) and `facts`. A limit of 0 is none.
    """
    most = settings.max_usd_per_asset
    if 0 < most < usd:
        return "over_asset_limit", f"this asset may cost ${usd:.4f}, at most ${most:.4g} are allowed per asset"
    counters = _counters(settings, media)
    full = dynamo.add_once(settings.catalog_table, counters, usd, _guard(media, "reserved_by"), execution)
    if full is None:
        return None
    reason, period = dict(zip(counters, _names(media), strict=True))[full]
    used = float((dynamo.get_item(settings.catalog_table, full.pk) or {}).get("usd", 0.0))
    detail = f"${used:.2f} of ${full.at_most:.2f} are spent or reserved {period}, this asset may cost ${usd:.4f}"
    return reason, detail


def settle(settings: Settings, media: Mapping[str, Any], execution: str, usd: float) -> None:
    """Add the difference between cost and reservation (negative if the quote was higher) to all sums, once."""
    counters = [Counter(c.pk, c.name, None, c.expires_at) for c in _counters(settings, media)]
    dynamo.add_once(settings.catalog_table, counters, usd, _guard(media, "settled_by"), execution)


def of_month(table: str, month: str) -> float:
    """USD spent or reserved in a month (`YYYY-MM`)."""
    return float((dynamo.get_item(table, keys.catalog_spend(month)) or {}).get("usd", 0.0))


def _counters(settings: Settings, media: Mapping[str, Any]) -> list[Counter]:
    day = str(media["day"])
    expires = int((datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=KEPT_DAYS)).timestamp())
    device = f"{day}#{media['facts']['source']}/{media['facts']['device']}"
    return [
        Counter(keys.catalog_spend(day[:7]), "usd", settings.monthly_budget_usd or None),
        Counter(keys.catalog_spend(day), "usd", settings.max_usd_per_day or None, expires),
        Counter(keys.catalog_spend(device), "usd", settings.max_usd_per_device_day or None, expires),
    ]


def _names(media: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Reason and period of each counter, in their order."""
    day, facts = str(media["day"]), media["facts"]
    return [
        ("over_budget", f"in {day[:7]}"),
        ("over_day_limit", f"on {day}"),
        ("over_device_limit", f"by {facts['source']}/{facts['device']} on {day}"),
    ]


def _guard(media: Mapping[str, Any], name: str) -> tuple[str, str]:
    return keys.catalog_asset(media["asset"]), name
