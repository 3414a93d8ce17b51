"""Prices and times of restoring an archived original."""

from __future__ import annotations

import pytest

from impp_lambdas.core.money import retrieval
from impp_lambdas.core.money.pricing import GB, total


@pytest.mark.parametrize(
    ("archive", "tier", "usd", "hours"),
    [
        # 100 GB for a week: the copy in Standard, 0.023 * 100 * 7 / 30.4 = 0.5296, then the retrieval and its request
        ("GLACIER", "bulk", 0.5296, 12),
        ("GLACIER", "standard", 0.5296 + 1.0 + 0.00005, 5),
        ("GLACIER", "expedited", 0.5296 + 3.0 + 0.01, 1 / 12),
        ("DEEP_ARCHIVE", "bulk", 0.5296 + 0.25 + 0.000025, 48),
        ("DEEP_ARCHIVE", "standard", 0.5296 + 2.0 + 0.0001, 12),
        ("ARCHIVE_ACCESS", "standard", 0.0, 5),
        ("DEEP_ARCHIVE_ACCESS", "bulk", 0.0, 48),
    ],
)
def test_a_restore_costs_the_copy_the_retrieval_and_the_request(
    archive: str, tier: str, usd: float, hours: float
) -> None:
    assert total(retrieval.lines(archive, 100 * GB, tier, 7)) == pytest.approx(usd, abs=1e-4)
    assert retrieval.RETRIEVALS[archive, tier].ready_s == pytest.approx(hours * 3600)


@pytest.mark.parametrize("archive", ["DEEP_ARCHIVE", "DEEP_ARCHIVE_ACCESS"])
def test_the_deep_archives_have_no_expedited_retrieval(archive: str) -> None:
    with pytest.raises(KeyError):
        retrieval.lines(archive, GB, "expedited", 1)
