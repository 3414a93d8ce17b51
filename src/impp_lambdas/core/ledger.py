"""What an asset costs: the quote before, and the ledger after, in lines of the one price book.

Every function here returns :class:`~impp_lambdas.core.pricing.LedgerLine` values in list price USD, before free tiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from impp_lambdas.core.pricing import LedgerLine, PriceBook


def lambda_lines(seconds: float, memory_mb: int, machine: str, requests: int = 1) -> list[LedgerLine]:
    """Requests and GB-seconds (GiB of memory times seconds, as Lambda bills it) of a function on a machine type."""
    book = PriceBook.load()
    item = "arm64_gb_second" if machine in ("aarch64", "arm64") else "x86_gb_second"
    return [book.line("lambda", "request", requests), book.line("lambda", item, seconds * memory_mb / 1024)]


def from_dicts(lines: Iterable[Mapping[str, Any]]) -> list[LedgerLine]:
    """Ledger lines that came back from a step as plain JSON."""
    return [LedgerLine(**line) for line in lines]


def merge(lines: Iterable[LedgerLine]) -> list[LedgerLine]:
    """One line for each service and item, quantities and USD summed, in the order of first appearance."""
    merged: dict[tuple[str, str], LedgerLine] = {}
    for line in lines:
        have = merged.get((line.service, line.item))
        merged[line.service, line.item] = (
            line
            if have is None
            else LedgerLine(
                line.service,
                line.item,
                have.quantity + line.quantity,
                line.unit,
                have.usd + line.usd,
                have.doubt or line.doubt,
            )
        )
    return list(merged.values())
