"""The queue from which workers take their next piece of work: always the most urgent one.

A file is uploaded in pieces: *prepare* (identify, hash, begin), *send* one part, *finish*. A more urgent file may come
in between any two pieces, so a new event does not wait for the end of a long routine clip. A waiting file costs a few
hundred bytes; few are prepared at the same time.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from impp_edge.card.find import CardFile
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
    """The upload of one file. ``transfer`` belongs to the workers: what they prepared."""

    __slots__ = ("after", "error", "file", "pieces", "transfer", "under_way", "urgency")

    def __init__(self, file: CardFile, urgency: Urgency, after: tuple[bytes, ...] = ()) -> None:
        self.file = file
        self.urgency = urgency
        self.after = after
        self.pieces: deque[int] | None = None  # None until its preparation begins
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


class WorkQueue:
    """Jobs in order of urgency. Thread-safe: a worker calls :meth:`take` until it returns
    None, and after each piece one of :meth:`prepared`, :meth:`sent` and :meth:`done`."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._jobs: dict[bytes, Job] = {}  # every file that is not done, by its path
        self._waiting: list[Job] = []  # a heap of jobs not yet begun; some may have been forgotten since
        self._blocked: dict[bytes, list[Job]] = {}  # clips by the sidecar that they wait for
        self._begun: list[Job] = []
        self._under_way = 0
        self._ranks = 2
        self.closed = False
        self.files = self.bytes = 0
        """Totals of all jobs ever added."""

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, card_file: CardFile, urgency: Urgency, after: Iterable[bytes] = ()) -> bool:
        """Add a file, to be begun once no file at a path in ``after`` is left; False if it is in the queue already."""
        with self._ready:
            old = self._jobs.get(card_file.raw)
            if old and (old.file == card_file or old.pieces is not None):
                return False  # a file that changes during its upload fails by itself
            if old:
                self._forget(old)
            job = Job(card_file, urgency, tuple(after))
            self._jobs[card_file.raw] = job
            self.files += 1
            self.bytes += card_file.size
            self._wait(job)
        return True

    def __contains__(self, card_file: CardFile) -> bool:
        """Whether this file is in the queue with its current size and time."""
        with self._ready:
            job = self._jobs.get(card_file.raw)
            return job is not None and job.file == card_file

    def waiting(self) -> list[CardFile]:
        """All files that are not done, in no particular order."""
        with self._ready:
            return [job.file for job in self._jobs.values()]

    def allow(self, routine: bool, events: bool = True) -> None:
        """Set which ranks may be worked on now; pieces under way are finished."""
        ranks = (2 if routine else 1) if events else 0
        if ranks != self._ranks:
            with self._ready:
                self._ranks = ranks
                self._ready.notify_all()

    def take(self) -> Work | None:
        """The most urgent piece; waits for one. None when the queue is closed."""
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
        """A part was sent, or failed with ``error``. After the last part the file can be finished; after an error no
        more of it is handed out. True if the caller is the last one working on it and must end it as failed."""
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
        """Forget the waiting files of a folder, for example when its card was pulled out."""
        with self._ready:
            for job in list(self._jobs.values()):
                if job.file.folder is folder and not job.under_way:
                    self._forget(job)

    def close(self) -> None:
        """Hand out no more work: every worker finishes the piece that it has."""
        with self._ready:
            self.closed = True
            self._ready.notify_all()

    @property
    def under_way(self) -> int:
        """Pieces that workers hold."""
        return self._under_way

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing may be begun."""
        with self._ready:
            return not self._under_way and self._best() is None

    # --- everything below holds the lock ------------------------------------------------------------------------------

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
        while self._waiting and self._jobs.get(self._waiting[0].file.raw) is not self._waiting[0]:
            heapq.heappop(self._waiting)
        jobs = [job for job in self._begun if job.pieces]
        if len(self._begun) < BEGUN:
            jobs += self._waiting[:1]
        return min((job for job in jobs if job.urgency[0] < self._ranks), default=None)

    def _wait(self, job: Job) -> None:
        """Let a job wait for the first sidecar that is not done, or for its turn."""
        sidecar = next((other for other in job.after if other in self._jobs), None)
        if sidecar:
            self._blocked.setdefault(sidecar, []).append(job)
        else:
            heapq.heappush(self._waiting, job)
            self._ready.notify()

    def _back(self, job: Job) -> None:
        self._under_way -= 1
        job.under_way -= 1

    def _forget(self, job: Job) -> None:
        """Remove a job from the queue, and free those that waited for it."""
        path = job.file.raw
        if self._jobs.get(path) is not job:
            return
        del self._jobs[path]
        if job.pieces is not None:
            self._begun.remove(job)
        for clip in self._blocked.pop(path, ()):
            if self._jobs.get(clip.file.raw) is clip:
                self._wait(clip)
