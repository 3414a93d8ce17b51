"""What keeping an original costs over years, in its class and in every other one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.money import storage

DEFAULT_YEARS = 3
"""By which classes are ordered where the profile sets no `keep_years`."""


@dataclass(frozen=True)
class Alternative:
    """A storage class with USD by years. `is_allowed`: originals like this one may be kept there, for they are read at
    once, or need not be."""

    tag: str
    name: str
    usd: dict[float, float]
    is_chosen: bool
    is_allowed: bool
    is_instant: bool


def outlook(item: Mapping[str, Any]) -> list[Alternative]:
    """All classes for an asset of the catalog, the cheapest over the time first that its profile expects it to be kept,
    or three years; none for one without facts. That time is one of the years."""
    if not item.get("source") or not item.get("size"):
        return []
    need = storage.need_of(str(item["source"]), item.get("recording"))
    chosen = (item.get("archive") or {}).get("tag")
    kept = item.get("keep_years") or DEFAULT_YEARS
    usd = storage.outlook(int(item["size"]), need, sorted({*storage.OUTLOOK_YEARS, kept}))
    classes = [
        Alternative(c.tag, c.name, usd[c.tag], c.tag == chosen, c.instant or not need.instant, c.instant)
        for c in storage.CLASSES
        if c.tag in usd
    ]
    return sorted(classes, key=lambda one: one.usd[kept])
