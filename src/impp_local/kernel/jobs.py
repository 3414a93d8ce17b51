"""Jobs on disk: a row from before a job is acknowledged, run again after a stop until it has ended, then remembered.

rows = JobRows(cloud.store, "mediaconvert")
rows.write(job.id, job.row())                # under way
rows.end(job.id, job.row())                  # ended: described from disk from now on
for key, row in rows.under_way(): ...        # when the cloud starts
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from impp_local.kernel.store import Store

Row = dict[str, Any]

REMEMBERED_JOBS: Final = 10_000
REMEMBERED_FOR: Final = timedelta(days=90)
"""Ended jobs that are remembered: at most so many, for as long as MediaConvert and Transcribe keep them
(https://docs.aws.amazon.com/mediaconvert/latest/ug/working-with-jobs.html,
https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html)."""

FORGET_EVERY: Final = 500
"""Jobs end between two looks for those that are too old."""


class JobRows:
    """The jobs of a service by their keys. A row is a mapping with the moment `finished`."""

    def __init__(self, store: Store, service: str) -> None:
        self.store = store
        self._under_way, self._ended = _under_way(service), f"{service}.ended"
        self._ends = 0

    def write(self, key: str, row: Mapping[str, Any]) -> None:
        """A job is under way."""
        self.store.put(self._under_way, key, dict(row))

    def end(self, key: str, row: Mapping[str, Any]) -> None:
        """A job has ended, or an ended one has changed."""
        with self.store.changes():
            self.store.delete(self._under_way, key)
            self.store.put(self._ended, key, dict(row))

    def delete(self, key: str) -> None:
        """Remove a job."""
        with self.store.changes():
            self.store.delete(self._under_way, key)
            self.store.delete(self._ended, key)

    def under_way(self) -> list[tuple[str, Row]]:
        """The jobs that had not ended when the cloud stopped."""
        return self.store.rows(self._under_way)

    def ended(self, key: str) -> Row | None:
        """An ended job."""
        row: Row | None = self.store.get(self._ended, key)
        return row

    def all_ended(self) -> list[Row]:
        """All ended jobs."""
        return [row for _, row in self.store.rows(self._ended)]

    def forget_old(self) -> Iterator[tuple[str, Row]]:
        """Remove the ended jobs that are too many or too old, every now and then; yields them."""
        self._ends += 1
        if self._ends % FORGET_EVERY != 1:  # the first time soon after the start
            return
        rows = sorted(self.store.rows(self._ended), key=lambda row: row[1]["finished"], reverse=True)
        oldest = datetime.now(UTC) - REMEMBERED_FOR
        for place, (key, row) in enumerate(rows):
            if place >= REMEMBERED_JOBS or row["finished"] < oldest:
                self.store.delete(self._ended, key)
                yield key, row


def are_under_way(store: Store, service: str) -> bool:
    """Whether a service has jobs to continue."""
    return store.has(_under_way(service))


def _under_way(service: str) -> str:
    return f"{service}.underway"
