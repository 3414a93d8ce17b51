"""Restoring an archived original: what S3 bills, and how long it takes, by storage class and tier.

Times are S3's upper bounds for all but the largest objects (S3 user guide, "Archive retrieval options"). Deep Archive
has no expedited retrieval; Intelligent-Tiering bills only that one, as Flexible Retrieval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from impp_lambdas.core.money.pricing import GB, LedgerLine, PriceBook
from impp_lambdas.core.money.storage import MONTH_DAYS

TIERS = ("bulk", "standard", "expedited")
"""From the cheapest to the fastest."""

HOUR = 3600


@dataclass(frozen=True)
class Retrieval:
    """Items of the price book, per GB and per request (None: free), and the seconds until the object can be read."""

    data: str | None
    request: str | None
    ready_s: int


_EXPEDITED = Retrieval("retrieval_glacier_fr_expedited", "restore_glacier_fr_expedited", 300)

RETRIEVALS: Mapping[tuple[str, str], Retrieval] = {
    ("GLACIER", "bulk"): Retrieval("retrieval_glacier_fr_bulk", None, 12 * HOUR),
    ("GLACIER", "standard"): Retrieval("retrieval_glacier_fr_standard", "restore_glacier_fr_standard", 5 * HOUR),
    ("GLACIER", "expedited"): _EXPEDITED,
    ("DEEP_ARCHIVE", "bulk"): Retrieval("retrieval_deep_archive_bulk", "restore_deep_archive_bulk", 48 * HOUR),
    ("DEEP_ARCHIVE", "standard"): Retrieval(
        "retrieval_deep_archive_standard", "restore_deep_archive_standard", 12 * HOUR
    ),
    ("ARCHIVE_ACCESS", "bulk"): Retrieval(None, None, 12 * HOUR),
    ("ARCHIVE_ACCESS", "standard"): Retrieval(None, None, 5 * HOUR),
    ("ARCHIVE_ACCESS", "expedited"): _EXPEDITED,
    ("DEEP_ARCHIVE_ACCESS", "bulk"): Retrieval(None, None, 48 * HOUR),
    ("DEEP_ARCHIVE_ACCESS", "standard"): Retrieval(None, None, 12 * HOUR),
}
"""By storage class, or tier of Intelligent-Tiering, and tier of the request."""


def is_tiered(archive: str) -> bool:
    """Whether an archive is one of Intelligent-Tiering's, from which an object moves back for good."""
    return archive.endswith("_ACCESS")


def lines(archive: str, size: int, tier: str, days: int) -> list[LedgerLine]:
    """What a restore of `size` bytes costs: the retrieval, and the copy in Standard that can be read for `days`.

    Raises `KeyError` if the archive has no such tier.
    """
    retrieval, book = RETRIEVALS[archive, tier], PriceBook.load()
    priced = [] if is_tiered(archive) else [book.line("s3", "standard", size / GB * days / MONTH_DAYS)]
    if retrieval.data:
        priced.append(book.line("s3", retrieval.data, size / GB))
    if retrieval.request:
        priced.append(book.line("s3", retrieval.request, 1))
    return priced
