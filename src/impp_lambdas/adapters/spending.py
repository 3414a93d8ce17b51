"""What is spent and reserved: per month, per day, and per device and day. One transaction counts in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import dynamo
from impp_lambdas.adapters.dynamo import Counter, Sums
from impp_lambdas.core import keys
from impp_lambdas.core.money.pricing import total

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.money.pricing import LedgerLine

KEPT_DAYS = 40
"""How long the sums of single days are kept; those of months stay."""


def reserve(settings: Settings, media: Mapping[str, Any], execution: str, usd: float) -> tuple[str, str] | None:
    """Reserve a quote, once per execution. Returns why there is no room: `over_<limit>` and a detail, else None.

    `media` needs `asset`, `day` (`YYYY-MM-DD`, UTC) and `facts`. A limit of 0 is none.
    """
    most = settings.max_usd_per_asset
    if 0 < most < usd:
        return "over_asset_limit", f"this asset may cost ${usd:.4f}, at most ${most:.4g} are allowed per asset"
    return _add(settings, media, _guard(media, "reserved_by"), execution, usd, noted="reserved_usd")


def reserved(table: str, asset: str, execution: str) -> float | None:
    """What an execution has reserved for an asset, None if that is not recorded. Inspect, called again after a lost
    response, may quote otherwise, but reserves once."""
    item = dynamo.get_item(table, keys.catalog_asset(asset)) or {}
    return item.get("reserved_usd") if item.get("reserved_by") == execution else None


def settle(
    settings: Settings, media: Mapping[str, Any], execution: str, usd: float, spent: Iterable[LedgerLine] = ()
) -> None:
    """Add the difference between cost and reservation (negative if the quote was higher) to all sums, once; and what
    was `spent` to the month's sums by service."""
    counters = [Counter(c.pk, c.name, None, c.expires_at) for c in _counters(settings, media)]
    guard = _guard(media, "settled_by")
    dynamo.add_once(settings.catalog_table, counters, usd, guard, execution, _by_service(media, spent))


def charge(
    settings: Settings, media: Mapping[str, Any], guard: tuple[str, str], by: str, lines: Sequence[LedgerLine]
) -> tuple[str, str] | None:
    """Add a price to all sums, once for `by`, which `guard` (pk, attribute) takes. Returns why there is no room, as
    :func:`reserve`. `media` needs `day` and `facts`."""
    return _add(settings, media, guard, by, total(lines), _by_service(media, lines))


def refund(
    settings: Settings, media: Mapping[str, Any], guard: tuple[str, str], by: str, lines: Sequence[LedgerLine]
) -> None:
    """Take back what :func:`charge` added, once for `by`, another value than the charge's."""
    counters = [Counter(c.pk, c.name, None, c.expires_at) for c in _counters(settings, media)]
    sums = _by_service(media, [replace(line, usd=-line.usd) for line in lines])
    dynamo.add_once(settings.catalog_table, counters, -total(lines), guard, by, sums)


def of_month(table: str, month: str) -> float:
    """USD spent or reserved in a month (`YYYY-MM`)."""
    return of_period(table, month)


def of_period(table: str, period: str) -> float:
    """USD spent or reserved in a month or on a day (`YYYY-MM-DD`, for 40 days)."""
    return float((dynamo.get_item(table, keys.catalog_spend(period)) or {}).get("usd", 0.0))


def by_service(table: str, month: str) -> dict[str, float]:
    """USD spent in a month by service, as the ledger calls it."""
    item = dynamo.get_item(table, keys.catalog_services(month)) or {}
    return {name: float(usd) for name, usd in item.items() if name != "pk"}


def _by_service(media: Mapping[str, Any], spent: Iterable[LedgerLine]) -> Sums | None:
    amounts: dict[str, float] = {}
    for line in spent:
        amounts[line.service] = amounts.get(line.service, 0.0) + line.usd
    return Sums(keys.catalog_services(str(media["day"])[:7]), amounts) if amounts else None


def _add(
    settings: Settings,
    media: Mapping[str, Any],
    guard: tuple[str, str],
    by: str,
    usd: float,
    sums: Sums | None = None,
    noted: str | None = None,
) -> tuple[str, str] | None:
    counters = _counters(settings, media)
    full = dynamo.add_once(settings.catalog_table, counters, usd, guard, by, sums, noted)
    if full is None:
        return None
    reason, period = dict(zip(counters, _names(media), strict=True))[full]
    used = float((dynamo.get_item(settings.catalog_table, full.pk) or {}).get("usd", 0.0))
    detail = f"${used:.2f} of ${full.at_most:.2f} are spent or reserved {period}, this asset may cost ${usd:.4f}"
    return reason, detail


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
