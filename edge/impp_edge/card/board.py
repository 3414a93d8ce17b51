"""The board that the workers take their next piece of work from: always the most urgent one.

A file is done in pieces: *prepare* (identify, hash, begin), *send* one part, *finish*. Between any two of them a file
that is more urgent comes first, so an event that was found just now does not wait for the end of a long routine clip.
A waiting file costs some hundred bytes; few are prepared at once.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from impp_edge.card.find import Found
from impp_edge.config import Folder

EVENT, ROUTINE = 0, 1
"""Ranks, the first part of an urgency."""
Urgency = tuple[int, int, bytes, int, bytes]
"""Rank, time of the clip in nanoseconds, its path, 0 for a sidecar and 1 for a clip, own path. The least is first."""

PREPARE, FINISH = -1, 0
"""Pieces of work beside the numbers of parts, which begin at 1."""
BEGUN = 64
"""Most files begun and not yet finished: enough for events that come before events that come before routine."""


class Job:
    """One file on its way. ``transfer`` is for the workers: what they prepared."""

    __slots__ = ("after", "error", "found", "pieces", "transfer", "under_way", "urgency")

    def __init__(self, found: Found, urgency: Urgency, after: tuple[bytes, ...] = ()) -> None:
        self.found = found
        self.urgency = urgency
        self.after = after
        self.pieces: deque[int] | None = None  # none while its preparation was not begun
        self.under_way = 0
        self.error: Exception | None = None
        self.transfer: Any = None

    def __lt__(self, other: Job) -> bool:
        return self.urgency < other.urgency


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work: :data:`PREPARE`, :data:`FINISH` or the number of a part."""

    job: Job
    piece: int


class Board:
    """Jobs and who comes next. Safe to use from several threads: a worker calls :meth:`take` until it gives None, and
    after each piece one of :meth:`prepared`, :meth:`sent` and :meth:`done`."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._jobs: dict[bytes, Job] = {}  # every file that is not done, by its path
        self._waiting: list[Job] = []  # a heap of those that are not begun; some of them forgotten meanwhile
        self._blocked: dict[bytes, list[Job]] = {}  # clips by a sidecar that they come after
        self._begun: list[Job] = []
        self._under_way = 0
        self._ranks = 2
        self.closed = False
        self.files = self.bytes = 0
        """All that was ever added."""

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, found: Found, urgency: Urgency, after: Iterable[bytes] = ()) -> bool:
        """Add a file, to be begun when none of those at the paths ``after`` is there; False if it is there already."""
        with self._ready:
            old = self._jobs.get(found.raw)
            if old and (old.found == found or old.pieces is not None):
                return False  # what changes when it is already on its way fails by itself
            if old:
                self._forget(old)
            job = Job(found, urgency, tuple(after))
            self._jobs[found.raw] = job
            self.files += 1
            self.bytes += found.size
            self._wait(job)
        return True

    def __contains__(self, found: Found) -> bool:
        """Whether this file is there as it is now."""
        with self._ready:
            job = self._jobs.get(found.raw)
            return job is not None and job.found == found

    def waiting(self) -> list[Found]:
        """All files that are not done, in no order."""
        with self._ready:
            return [job.found for job in self._jobs.values()]

    def allow(self, routine: bool, events: bool = True) -> None:
        """Which ranks may be worked at now; what is under way ends with its piece."""
        ranks = (2 if routine else 1) if events else 0
        if ranks != self._ranks:
            with self._ready:
                self._ranks = ranks
                self._ready.notify_all()

    def take(self) -> Work | None:
        """The most urgent piece; waits for one. None when the board is closed."""
        with self._ready:
            while not self.closed:
                if (work := self._next()) is not None:
                    self._under_way += 1
                    work.job.under_way += 1
                    return work
                self._ready.wait()
        return None

    def prepared(self, job: Job, parts: Iterable[int]) -> None:
        """A file is prepared, and these parts of it are to be sent."""
        with self._ready:
            job.pieces = deque(parts) or deque((FINISH,))
            self._back(job)
            self._ready.notify_all()

    def sent(self, job: Job, error: Exception | None = None) -> bool:
        """A part was sent, or could not be for an ``error``. After the last part the file can be finished; after an
        error nothing more of it is handed out. True if the caller, the last one at it, is to end it as failed."""
        with self._ready:
            job.error = job.error or error
            if job.error and job.pieces:
                job.pieces.clear()
            if job.error and job.under_way == 1:
                return True
            self._back(job)
            if not (job.error or job.pieces or job.under_way):
                job.pieces = deque((FINISH,))
                self._ready.notify()
        return False

    def done(self, job: Job) -> None:
        """A file is finished or has failed: clips that come after it can be begun."""
        with self._ready:
            self._back(job)
            self._forget(job)
            self._ready.notify_all()

    def drop(self, folder: Folder) -> None:
        """Forget what waits of a folder, as when its card was pulled out."""
        with self._ready:
            for job in list(self._jobs.values()):
                if job.found.folder is folder and not job.under_way:
                    self._forget(job)

    def close(self) -> None:
        """Hand out nothing any more: every worker ends with the piece that it has."""
        with self._ready:
            self.closed = True
            self._ready.notify_all()

    @property
    def under_way(self) -> int:
        """Pieces that were taken and not given back."""
        return self._under_way

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing may be begun."""
        with self._ready:
            return not self._under_way and self._best() is None

    # --- all below hold the lock --------------------------------------------------------------------------------------

    def _next(self) -> Work | None:
        job = self._best()
        if job is None:
            return None
        if job.pieces is None:
            heapq.heappop(self._waiting)
            self._begun.append(job)
            job.pieces = deque()
            return Work(job, PREPARE)
        return Work(job, job.pieces.popleft())

    def _best(self) -> Job | None:
        """The most urgent job that has a piece to hand out."""
        while self._waiting and self._jobs.get(self._waiting[0].found.raw) is not self._waiting[0]:
            heapq.heappop(self._waiting)
        jobs = [job for job in self._begun if job.pieces]
        if len(self._begun) < BEGUN:
            jobs += self._waiting[:1]
        return min((job for job in jobs if job.urgency[0] < self._ranks), default=None)

    def _wait(self, job: Job) -> None:
        """Let a job wait for the first sidecar that is not done, or for its turn."""
        before = next((other for other in job.after if other in self._jobs), None)
        if before:
            self._blocked.setdefault(before, []).append(job)
        else:
            heapq.heappush(self._waiting, job)
            self._ready.notify()

    def _back(self, job: Job) -> None:
        self._under_way -= 1
        job.under_way -= 1

    def _forget(self, job: Job) -> None:
        """Take a job off the board, and free those that waited for it."""
        path = job.found.raw
        if self._jobs.get(path) is not job:
            return
        del self._jobs[path]
        if job.pieces is not None:
            self._begun.remove(job)
        for clip in self._blocked.pop(path, ()):
            if self._jobs.get(clip.found.raw) is clip:
                self._wait(clip)
