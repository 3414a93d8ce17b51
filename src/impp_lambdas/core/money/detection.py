"""What detectors cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.money.pricing import LedgerLine, PriceBook


def detector_lines(calls: Mapping[str, int]) -> list[LedgerLine]:
    """Ledger lines of so many calls by detector: one line per item of the price book."""
    quantities: Counter[tuple[str, str]] = Counter()
    for name, count in calls.items():
        quantities[DETECTORS[name].price] += count
    return [PriceBook.load().line(*item, quantity) for item, quantity in quantities.items()]
