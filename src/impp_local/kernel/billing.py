"""What the same calls would have cost on AWS: one thread-safe meter over the price book.

Code that does billable work calls :func:`meter` with an item of the price book: the gateway for each request,
the Lambda runner for GB-seconds, the state machine's interpreter for transitions, the engines for images, seconds and
minutes. A charge can name its asset, or the execution that it belongs to: the execution is tied to its asset once that
is known, and :func:`bill` then shows the charge with the asset. Standing costs (storage, keys, alarms) accrue by the
month whether anything runs or not, so they are listed apart as ``per_month`` and are not part of ``usd``.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from impp_lambdas.core.money.pricing import LedgerLine, PriceBook, total

_ASSET: Final = re.compile(r"(?:\bwork/|\bassets/|\bASSET#|\bimpp-)([0-9a-f]{20})(?![0-9a-f])")

Standing = Callable[[], Iterable[tuple[str, str, float]]]
"""Yields what exists at this moment: (service, item, quantity) of monthly items of the price book."""


_ORIGINAL: Final = re.compile(r"originals/.+")


def owner_of(key: str) -> str:
    """The owner of charges for an original, whose key names no asset: tied to its asset once that is known."""
    return f"key:{key}"


def asset_in(text: str) -> str | None:
    """The asset that a key (``work/<asset>/…``, ``assets/<asset>/…``), job (``impp-<asset>-…``) or pk names."""
    match = _ASSET.search(text)
    return match[1] if match else None


class Meter:
    """Adds up quantities by (service, item, owner); an owner is an asset, an execution's ARN, or None."""

    def __init__(self, book: PriceBook | None = None) -> None:
        self.book = book or PriceBook.load()
        self._lock = threading.Lock()
        self._used: defaultdict[tuple[str, str, str | None], float] = defaultdict(float)
        self._ties: dict[str, str] = {}
        self._standing: list[Standing] = []

    def add(self, service: str, item: str, quantity: float, owner: str | None = None) -> None:
        """Count usage. Raises KeyError for an item outside the price book, ValueError for a negative quantity."""
        self.book.price(service, item)
        if quantity < 0:
            raise ValueError(f"{service} {item}: a quantity of {quantity} cannot be used up")
        if quantity:
            with self._lock:
                self._used[service, item, owner] += quantity

    def tie(self, owner: str, asset: str) -> None:
        """From now on, and for what was counted before, charges of `owner` (an execution) belong to the asset."""
        with self._lock:
            self._ties[owner] = asset

    def watch(self, standing: Standing) -> None:
        """Ask `standing` for monthly items whenever a bill is written. Idempotent."""
        with self._lock:
            if standing not in self._standing:
                self._standing.append(standing)

    def reset(self) -> None:
        """Start a new bill; the watched sources stay."""
        with self._lock:
            self._used.clear()
            self._ties.clear()

    def state(self) -> dict[str, Any]:
        """The bill so far, for :meth:`restore`."""
        with self._lock:
            return {"used": dict(self._used), "ties": dict(self._ties)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with a bill that an earlier process began."""
        with self._lock:
            self._used.update(state.get("used", {}))
            self._ties.update(state.get("ties", {}))

    def lines(self) -> list[tuple[LedgerLine, str | None]]:
        """Ledger lines with the asset of each, sorted by service, item and asset."""
        with self._lock:
            merged: defaultdict[tuple[str, str, str | None], float] = defaultdict(float)
            for (service, item, owner), quantity in self._used.items():
                asset = self._ties.get(owner, None if owner.startswith(("arn:", "key:")) else owner) if owner else None
                merged[service, item, asset] += quantity
        ordered = sorted(merged.items(), key=lambda entry: tuple(str(part or "") for part in entry[0]))
        return [(self.book.line(service, item, quantity), asset) for (service, item, asset), quantity in ordered]

    def bill(self) -> dict[str, Any]:
        """``{"as_of", "lines": [{service, item, quantity, unit, usd, doubt?, asset?}], "usd", "assets": {asset: usd},
        "per_month": {"lines": [{service, item, quantity, unit, usd}], "usd"}}``, USD at list price, unrounded."""
        lines = self.lines()
        by_asset: defaultdict[str, float] = defaultdict(float)
        for line, asset in lines:
            if asset:
                by_asset[asset] += line.usd
        monthly = self._monthly()
        return {
            "as_of": self.book.as_of,
            "lines": [line.to_dict() | ({"asset": asset} if asset else {}) for line, asset in lines],
            "usd": total(line for line, _ in lines),
            "assets": dict(by_asset),
            "per_month": {"lines": [line.to_dict() for line in monthly], "usd": total(monthly)},
        }

    def _monthly(self) -> list[LedgerLine]:
        with self._lock:
            sources = list(self._standing)
        held: defaultdict[tuple[str, str], float] = defaultdict(float)
        for source in sources:
            for service, item, quantity in source():
                held[service, item] += quantity
        return [
            self.book.line(service, item, held[service, item]) for service, item in sorted(held) if held[service, item]
        ]


METER: Final = Meter()
"""The meter of this process, as there is one set of moto backends."""


def meter(service: str, item: str, quantity: float, *, asset: str | None = None, detail: str | None = None) -> None:
    """Charge `quantity` units of a price-book item, to `asset` (or an execution's ARN), or to the asset that `detail`
    (an object key, a job's name, a partition key) names. Raises KeyError for an item that is not in the price book."""
    owner = asset or (asset_in(detail) if detail else None)
    if owner is None and detail and (original := _ORIGINAL.search(detail)):
        owner = owner_of(original[0])
    METER.add(service, item, quantity, owner)


def bill() -> dict[str, Any]:
    """The bill so far, see :meth:`Meter.bill`."""
    return METER.bill()
