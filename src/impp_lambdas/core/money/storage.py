"""Chooses the storage class of an original: the cheapest one for how long it is kept and how it is read.

The cost of a class covers the transition, the months (at least its minimum duration), its overhead per object, and
retrievals. The reason for a choice states the sums.

The classes are rows of the price book, because minimum duration, overhead and monitoring are what S3 bills.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money.pricing import GB, LedgerLine, PriceBook

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

MONTH_DAYS = 30.4
SMALL_BYTES = 128 * 1024
"""Lifecycle rules move no smaller object, and IA and Instant Retrieval would bill it as this size anyway."""
_INDEX_GB, _NAME_GB = 32 * 1024 / GB, 8 * 1024 / GB
"""Glacier classes add to every object 32 KB of index at their own price and 8 KB of name at Standard's."""


@dataclass(frozen=True)
class Need:
    """How an original is expected to be read: how often in the first month, how often per year, and whether at once."""

    months: int
    first_month_reads: float
    yearly_reads: float
    instant: bool
    why: str


NEEDS = {
    "dashcam-routine": Need(12, 0.0, 0.02, False, "routine footage, rarely read again"),
    "dashcam": Need(12, 2.0, 0.5, True, "a recording that may be needed, mostly in its first weeks"),
    "phone": Need(36, 0.5, 0.2, True, "kept for years, must be readable at once"),
    "creator": Need(36, 0.5, 0.5, True, "source material, must be readable at once"),
}

UNPROCESSED = Need(3, 2.0, 0.0, True, "not processed yet, and read for that when there is budget again")
"""Of a deferred original: a replay, likely within three months, looks at it and encodes it without a restore."""

OUTLOOK_YEARS = (1, 3, 10)


@dataclass(frozen=True)
class StorageClass:
    """An S3 storage class. `tag` is the value of `impp:archive`; `items` are items of the price book by month of age,
    of which the last one stays."""

    tag: str
    name: str
    items: tuple[str, ...]
    transition: str | None = None
    retrieval: str | None = None
    minimum_days: int = 0
    instant: bool = True
    overhead: bool = False
    monitored: bool = False


CLASSES = tuple(StorageClass(**{**row, "items": tuple(row["items"])}) for row in PriceBook.load().storage_classes)

STAYS = CLASSES[0].tag
"""The tag that keeps an original where it was uploaded."""


@dataclass(frozen=True)
class Choice:
    """A storage class, the tag value that moves the original to it, the reason, and the cost of the first month."""

    storage_class: str
    tag: str
    why: str
    first_month: tuple[LedgerLine, ...]

    def to_dict(self) -> dict[str, Any]:
        """The choice as plain JSON."""
        lines = [line.to_dict() for line in self.first_month]
        return {"storage_class": self.storage_class, "tag": self.tag, "why": self.why, "first_month": lines}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Choice:
        """The choice from :meth:`to_dict`."""
        lines = tuple(LedgerLine(**line) for line in data["first_month"])
        return cls(data["storage_class"], data["tag"], data["why"], lines)


def need_of(source: str, recording: str | None, keep_years: float | None = None) -> Need:
    """How originals of a source are likely to be read. `keep_years` is the profile's, and replaces how long they are
    kept."""
    need = NEEDS["dashcam-routine" if (source, recording) == ("dashcam", "routine") else source]
    return need if keep_years is None else replace(need, months=math.ceil(keep_years * 12))


def choose(facts: Facts, keep_years: float | None = None, *, is_deferred: bool = False) -> Choice:
    """Choose the cheapest class that can be read as soon as this original may be needed.

    `keep_years` as in :func:`need_of`. A deferred original stays in an instant class until it has been processed.
    """
    if facts.bytes < SMALL_BYTES:
        why = f"{facts.bytes} bytes: below 128 KB a transition saves nothing"
        return Choice("STANDARD", "standard", why, first_month(CLASSES[0], facts.bytes))
    need = UNPROCESSED if is_deferred else need_of(facts.source, facts.recording, keep_years)
    priced = {c.tag: (cost(c, facts.bytes, need), c) for c in CLASSES if c.instant or not need.instant}
    usd, best = min(priced.values(), key=lambda entry: entry[0])
    standard = priced["standard"][0]
    rest = sorted((entry for entry in priced.values() if entry[1] not in (best, CLASSES[0])), key=lambda e: e[0])
    second = f", {rest[0][1].tag} ${rest[0][0]:.6f}" if rest else ""
    why = (
        f"{need.why}: over {need.months} months {best.tag} costs ${usd:.6f}"
        f" (transition, minimum of {best.minimum_days} days, retrieval), standard ${standard:.6f}{second}"
    )
    return Choice(best.name, best.tag, why, first_month(best, facts.bytes))


def tags(facts: Facts, choice: Choice) -> dict[str, str]:
    """Tags of an original, most important first. Uploads that did not come from the edge have none of them."""
    required = {"impp:archive": choice.tag, "impp:source": facts.source, "impp:timestamp": facts.captured_at}
    return required | ({"impp:checksum": facts.sha256} if facts.sha256 else {})


def cost(storage: StorageClass, size: int, need: Need) -> float:
    """USD for storing and reading `size` bytes as a need describes."""
    book, gb = PriceBook.load(), size / GB
    months = max(need.months, storage.minimum_days / MONTH_DAYS)
    whole = int(months)
    usd = sum(_month(storage, gb, month) for month in range(whole)) + _month(storage, gb, whole) * (months - whole)
    if storage.transition:
        usd += book.price("s3", storage.transition).usd
    reads = need.first_month_reads + need.yearly_reads * max(0.0, months / 12)
    if storage.retrieval:
        usd += reads * gb * book.price("s3", storage.retrieval).usd
    if (
        storage.monitored
    ):  # a late read moves the object to the frequent tier for a month, then to the infrequent one for two
        late = need.yearly_reads * months / 12
        usd += late * (sum(_month(storage, gb, m) for m in range(3)) - 3 * _month(storage, gb, 3))
    return usd


def outlook(size: int, need: Need, all_years: Iterable[float] = OUTLOOK_YEARS) -> dict[str, dict[float, float]]:
    """USD for `size` bytes by tag of the class and years, reads as the need describes them.

    All classes, also those that are not read at once: they show what waiting for a restore would save.
    """
    by_years = {years: replace(need, months=math.ceil(12 * years)) for years in all_years}
    return {c.tag: {years: cost(c, size, kept) for years, kept in by_years.items()} for c in CLASSES}


def first_month(storage: StorageClass, size: int) -> tuple[LedgerLine, ...]:
    """Ledger lines of an object's transition to a class and its first month there."""
    book, gb = PriceBook.load(), size / GB
    lines = [book.line("s3", storage.transition, 1)] if storage.transition else []
    lines.append(book.line("s3", storage.items[0], gb + (_INDEX_GB if storage.overhead else 0)))
    if storage.overhead:
        lines.append(book.line("s3", "standard", _NAME_GB))
    if storage.monitored:
        lines.append(book.line("s3", "intelligent_tiering_monitoring", 1))
    return tuple(lines)


def _month(storage: StorageClass, gb: float, month: int) -> float:
    book = PriceBook.load()
    item = storage.items[min(month, len(storage.items) - 1)]
    usd = book.price("s3", item).usd * (gb + (_INDEX_GB if storage.overhead else 0))
    if storage.overhead:
        usd += book.price("s3", "standard").usd * _NAME_GB
    if storage.monitored:
        usd += book.price("s3", "intelligent_tiering_monitoring").usd
    return usd
