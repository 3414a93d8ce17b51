"""The price book and its ledger lines, for quote, ledger and the local bill.

`prices_us_east_1.json` holds AWS list prices of us-east-1, each with its source. If sources disagree on a price or none
confirms it, every line that uses it carries that doubt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

GB = 2**30
"""Bytes in a GB of S3: its FAQ, "How will I be charged", divides byte-hours by 1,073,741,824 bytes per GB."""

_BOOK = "prices_us_east_1.json"


@dataclass(frozen=True)
class LedgerLine:
    """One cost: `quantity` of `unit` in USD at list price, before any free tier."""

    service: str
    item: str
    quantity: float
    unit: str
    usd: float
    doubt: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line as plain JSON; `doubt` is absent if there is none."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@dataclass(frozen=True)
class Price:
    """USD per `unit`. An entry per `1000 transitions` becomes a price per `transition`.

    `free` units per month are free for each account; `source` says where the price is from.
    """

    service: str
    item: str
    unit: str
    usd: float
    doubt: str | None
    free: float
    source: str


class PriceBook:
    """Prices by service and item. Raises `KeyError` with both if the book has no price."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.as_of: str = document["as_of"]
        self.storage_classes: list[dict[str, Any]] = document["storage_classes"]
        sources = document["sources"]
        self._prices = {(p["service"], p["item"]): _price(p, sources[p["source"]]) for p in document["prices"]}

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> PriceBook:
        """The price book of this package."""
        return PriceBook(json.loads(Path(__file__).with_name(_BOOK).read_text(encoding="utf-8")))

    def price(self, service: str, item: str) -> Price:
        """Price per unit of an item."""
        return self._prices[service, item]

    def line(self, service: str, item: str, quantity: float) -> LedgerLine:
        """Ledger line for `quantity` units, USD unrounded."""
        p = self.price(service, item)
        return LedgerLine(service, item, quantity, p.unit, quantity * p.usd, p.doubt)


def total(lines: Iterable[LedgerLine]) -> float:
    """Sum of lines in USD."""
    return sum(line.usd for line in lines)


def _price(entry: dict[str, Any], source: str) -> Price:
    count, unit = re.fullmatch(r"(\d+)?\s*(.+)", entry["unit"]).groups()  # type: ignore[union-attr]  # always matches
    if count:
        unit = unit.removesuffix("s").replace("s-month", "-month")
    doubt = "unverified" if entry.get("unverified") else entry.get("conflict")
    usd = entry["usd"] / int(count or 1)
    return Price(entry["service"], entry["item"], unit, usd, doubt, entry.get("free", 0), source)
