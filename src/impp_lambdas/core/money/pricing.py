"""The price book, and ledger lines made from it. Quote, ledger and the local bill all use this one module.

Prices are AWS list prices of us-east-1 in ``prices_us_east_1.json``, each with its source; a price that two sources
disagree on or none confirms carries its doubt into every line that uses it. GB are decimal (10^9 bytes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_BOOK = "prices_us_east_1.json"


@dataclass(frozen=True)
class LedgerLine:
    """One cost: ``quantity`` of ``unit`` at list price, in USD before any free tier."""

    service: str
    item: str
    quantity: float
    unit: str
    usd: float
    doubt: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line as plain JSON, without an empty doubt."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@dataclass(frozen=True)
class Price:
    """USD for one ``unit``. A book entry per ``1000 transitions`` becomes a price per ``transition``."""

    service: str
    item: str
    unit: str
    usd: float
    doubt: str | None


class PriceBook:
    """Prices by service and item. Raises :class:`KeyError` naming the pair for what the book does not hold."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.as_of: str = document["as_of"]
        self._prices = {(p["service"], p["item"]): _price(p) for p in document["prices"]}

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> PriceBook:
        """The book that ships with this package."""
        return PriceBook(json.loads(Path(__file__).with_name(_BOOK).read_text(encoding="utf-8")))

    def price(self, service: str, item: str) -> Price:
        """The price of one unit of an item."""
        return self._prices[service, item]

    def line(self, service: str, item: str, quantity: float) -> LedgerLine:
        """A ledger line for ``quantity`` units, USD unrounded."""
        p = self.price(service, item)
        return LedgerLine(service, item, quantity, p.unit, quantity * p.usd, p.doubt)


def total(lines: Iterable[LedgerLine]) -> float:
    """The sum of lines in USD."""
    return sum(line.usd for line in lines)


def _price(entry: dict[str, Any]) -> Price:
    count, unit = re.fullmatch(r"(\d+)?\s*(.+)", entry["unit"]).groups()  # type: ignore[union-attr]  # always matches
    if count:
        unit = unit.removesuffix("s").replace("s-month", "-month")
    doubt = "unverified" if entry.get("unverified") else entry.get("conflict")
    return Price(entry["service"], entry["item"], unit, entry["usd"] / int(count or 1), doubt)
