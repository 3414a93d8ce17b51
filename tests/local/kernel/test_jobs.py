"""Jobs are rows until they have ended, and are remembered for a while afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from impp_local.kernel import jobs
from impp_local.kernel.jobs import JobRows
from impp_local.kernel.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_a_job_is_under_way_until_it_ends(store: Store) -> None:
    rows = JobRows(store, "service")
    rows.write("one", {"finished": None})
    assert jobs.are_under_way(store, "service") and not jobs.are_under_way(store, "another")
    assert rows.under_way() == [("one", {"finished": None})] and rows.ended("one") is None
    moment = datetime.now(UTC)
    rows.end("one", {"finished": moment})
    assert not jobs.are_under_way(store, "service")
    assert rows.ended("one") == {"finished": moment}
    rows.delete("one")
    assert rows.all_ended() == []


def test_old_and_surplus_jobs_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REMEMBERED_JOBS", 2)
    rows = JobRows(store, "service")
    now = datetime.now(UTC)
    for key, days in (("old", 91), ("older", 92), ("third", 3), ("second", 2), ("first", 1)):
        rows.end(key, {"finished": now - timedelta(days=days)})
    assert [key for key, _ in rows.forget_old()] == ["third", "old", "older"]
    assert [row["finished"] for row in rows.all_ended()] == [now - timedelta(days=1), now - timedelta(days=2)]
    assert list(rows.forget_old()) == []  # not again so soon
