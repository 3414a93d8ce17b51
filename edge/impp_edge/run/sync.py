"""One run over the folders: every file goes through find → settle → identify → hash → upload → verify → remember.

A file that fails is recorded and retried in the next run; the others go on. Wherever a run dies, the next one finds
each file either missing from the bucket or there with an equal checksum.

A run reports events, plain dictionaries whose ``event`` is one of: ``brought`` (uploaded) and ``there`` (the file was
already in the bucket), ``skipped`` and ``failed`` with a ``reason``, ``restless`` (still being written), ``removed``
from the card, ``waiting`` for the hours to upload in, ``note`` (something the owner should know), ``would bring`` and
``would remove`` of a dry run, ``progress`` and, at the end, ``summary``.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from impp_edge import hours
from impp_edge.card.discovery import Cards, Discovery
from impp_edge.card.find import CardFile
from impp_edge.card.work_queue import WorkQueue
from impp_edge.config import Config
from impp_edge.events import Event, Reporter, printable, shown, size
from impp_edge.memory.state import LAST_RUN, UPLOADED, State, StateError, lock
from impp_edge.show import metrics

if TYPE_CHECKING:
    from impp_edge.memory.custody import Log
    from impp_edge.run.workers import Link, Result, Workers

THERE, KNOWN, RESTLESS, SKIPPED, WAITING, FAILED, REMOVED = (
    "there", "known", "restless", "skipped", "waiting", "failed", "removed",
)  # fmt: skip
TICK_S = 0.25
"""How often to check signals, the hours and the progress while threads work."""
PROGRESS_S = 0.5
PULSE_S = 60.0
"""How often to write metrics (and a heartbeat, if one is due) in a long run."""
RETRY_S, RETRY_MOST_S = 60.0, 3600.0
"""While watching, the delay before a failed file is retried: it doubles each time, up to the maximum."""
RETAIN_S = 600.0
"""While watching, how often to check for removals if nothing new was uploaded: only time passes then."""
DENIED_MOST = 5
"""After so many denied files in a row, assume that S3 denies all others as well."""
ASKED = "asked to stop"


@dataclass
class Summary:
    """The result of a run: ``counts`` of files by outcome, ``reasons`` of those skipped, ``bytes`` sent, ``seconds`` of
    wall time, ``stopped`` why it ended early; ``waiting_bytes`` and ``oldest_waiting`` (in
    seconds since 1970) of what is still to be uploaded."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    seconds: float = 0.0
    stopped: str | None = None
    waiting_bytes: int = 0
    oldest_waiting: float | None = None

    def to_dict(self) -> Event:
        """The summary as plain JSON."""
        kinds = (UPLOADED, THERE, KNOWN, RESTLESS, SKIPPED, WAITING, FAILED, REMOVED)
        return {
            "event": "summary",
            **{kind: self.counts[kind] for kind in kinds},
            "skipped_because": dict(self.reasons),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
        }

    @property
    def complete(self) -> bool:
        """Whether no file failed and the run was not stopped."""
        return not self.counts[FAILED] and self.stopped is None


class Session:
    """Resources that consecutive runs share. Hold the lock of the state folder meanwhile."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.state = State(config.state)
        self.retained_at = -float("inf")
        """When removals were last planned, by the monotonic clock."""

    @cached_property
    def link(self) -> Link:
        """The connection to S3, created when a file needs it: an idle run does not even import it."""
        from impp_edge.run.workers import Link

        return Link(self.config)

    @cached_property
    def log(self) -> Log:
        """The custody log."""
        from impp_edge.memory.custody import KEPT, Log

        return Log(self.config.state, self.state.get(KEPT))

    def close(self) -> None:
        """Close everything that was opened."""
        if "link" in vars(self):
            self.link.rest()
        if "log" in vars(self):
            self.log.close()
        self.state.close()


class Agenda(Protocol):
    """When to scan the folders again during a run."""

    def due(self) -> bool:
        """Whether it is time."""

    def looked(self, ready_in: float | None) -> None:
        """The folders were scanned; a file that is still being written may be ready in ``ready_in`` seconds."""


def run(config: Config, report: Reporter = lambda _event: None, stop: threading.Event | None = None) -> Summary:
    """Upload everything once. ``tell`` receives events, from one thread. When ``stop`` is set
    (by a signal, say), parts under way are completed and nothing new is begun.

    Raises :class:`Locked`, :class:`StateError` and :class:`Refused`.
    """
    with lock(config.state):
        session = Session(config)
        try:
            return Run(session, report, stop or threading.Event()).go()
        finally:
            session.close()


class Run:
    """One run. With an ``agenda`` it also scans for new files meanwhile, delays retries of failed files, and treats a
    missing card as normal."""

    def __init__(self, session: Session, report: Reporter, stop: threading.Event, agenda: Agenda | None = None) -> None:
        self._session = session
        self._config = session.config
        self._state = session.state
        self._report = report
        self._stop = stop
        self._agenda = agenda
        self._hours = hours.parse(*session.config.hours)
        self._work_queue = WorkQueue()
        self._discovery = Discovery(
            self._config, self._state, self._work_queue, report, self._problem, self._hold, stop.is_set
        )
        self._cards = Cards()
        self._looked = False
        self._failed: set[bytes] = set()
        self._refused: Exception | None = None
        self._denied = 0
        self._head = ""  # of the custody log, kept here so that workers never wait while the log is written
        self._started = time.monotonic()
        self._shown_at = self._pulsed_at = self._started
        self.summary = Summary()

    def go(self) -> Summary:
        """Do everything and report the summary."""
        self._report_repair(self._state)
        self._look()
        self._gate()
        with self._stopping_without_state():
            self._work()
        self._end()
        if self._refused is not None:
            raise self._refused
        return self.summary

    def _work(self) -> None:
        if not self._work_queue.idle:
            self._upload()
        if not self._over:
            self._abort_stale()
        if not self._over and self._may_remove():
            self._retain()

    @contextmanager
    def _stopping_without_state(self) -> Iterator[None]:
        """Stop the run if the state cannot be kept. The bucket has what was uploaded, so nothing is lost."""
        try:
            yield
        except StateError as error:
            self.summary.stopped = self.summary.stopped or str(error)

    @property
    def _over(self) -> bool:
        """Whether nothing more may be begun."""
        if self._stop.is_set() and self.summary.stopped is None:
            self.summary.stopped = ASKED
        return self._refused is not None or self.summary.stopped is not None

    # --- find, settle -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Put new files that are ready in the queue."""
        first, self._looked = not self._looked, True
        for folder in self._config.folders:
            if self._cards.is_gone(folder):
                self._work_queue.drop(folder)  # its waiting files need not fail one by one
        self._cards.note(self._config.folders)
        seen = self._discovery.run(patient=self._agenda is not None)
        counts = self.summary.counts
        counts[RESTLESS] = seen.restless
        if first:
            counts[KNOWN] = seen.known
        self._skipped(seen.skipped if first else seen.newly_skipped)
        for folder in seen.away:
            self._report({"event": WAITING, "reason": f"no card in {printable(shown(folder.path))}: waiting"})
        if self._agenda:
            self._agenda.looked(seen.ready_in)

    def _hold(self, card_file: CardFile) -> bool:
        """Whether to leave a file alone for now: while watching, one that failed recently."""
        failure = self._state.failure(card_file) if self._agenda else None
        if failure is None:
            return False
        pause = min(RETRY_S * 2.0 ** min(failure.times - 1, 16), RETRY_MOST_S)
        if hold := 0 <= time.time() - failure.at < pause:
            self._count_failure(card_file.raw)
        return hold

    def _count_failure(self, raw: bytes) -> bool:
        """Count a path as failed; False where it is counted already."""
        if raw in self._failed:
            return False
        self._failed.add(raw)
        self.summary.counts[FAILED] += 1
        return True

    def _skipped(self, reasons: Counter[str]) -> None:
        self.summary.reasons += reasons
        self.summary.counts[SKIPPED] += reasons.total()

    def _problem(self, path: str, reason: str) -> None:
        """Report a file or folder that could not be read."""
        raw = os.fsencode(path)
        if self._count_failure(raw):
            self._report({"event": FAILED, "path": shown(raw), "reason": reason})

    # --- upload -------------------------------------------------------------------------------------------------------

    def _upload(self) -> None:
        from impp_edge.run.workers import Workers

        link, began = self._session.link, time.monotonic()
        link.halt.clear()
        self._head = self._session.log.head
        workers = Workers(
            self._config, self._state, self._work_queue, self._cards, link, lambda: self._head, self._stop
        )
        try:
            while not (self._over or self._work_queue.closed or self._work_queue.idle):
                self._record(workers.results(TICK_S))
                self._tick(workers)
        finally:
            self._work_queue.close()
            while workers.at_work:
                if self._over:
                    link.halt.set()
                self._record(workers.results(TICK_S))
                self._show(workers)
            self._progress(workers)
            link.rest()
            self.summary.bytes += workers.sent
        if workers.sent:
            self._state.sample(self.summary.counts[UPLOADED], workers.sent, time.monotonic() - began)

    def _tick(self, workers: Workers) -> None:
        """Periodic work while the threads upload."""
        self._gate()
        if self._agenda and self._agenda.due():
            self._look()
        self._show(workers)
        now = time.monotonic()
        if now - self._pulsed_at >= PULSE_S:
            self._pulsed_at = now
            self._pulse(ended=False)

    def _gate(self) -> None:
        """Outside the hours, upload events only, or nothing."""
        is_open = self._hours.is_open(time.time())
        self._work_queue.allow(routine=is_open, events=is_open or self._config.events_any_time)

    def _record(self, results: list[Result]) -> None:
        """Record results: first in the custody log, then in the state; then remove the files from the queue."""
        for result in results:
            if result.for_all:
                self._stop_for(result)
            elif result.card_gone:
                self._work_queue.done(result.job)
                folder = str(result.job.file.folder.path)
                self._problem(folder, "the card was removed: its files wait for the next run")
        results = [result for result in results if not (result.for_all or result.card_gone)]
        if not results:
            return
        from impp_edge.run.record import record_batch

        try:
            self._head = record_batch(results, self._session.log, self._state, self._config.bucket) or self._head
            self._report_repair(self._session.log)
        except StateError as error:  # the state cannot be kept, so stop; the bucket has what was uploaded
            self.summary.stopped = self.summary.stopped or str(error)
            self._work_queue.close()
            return
        for result in results:
            self._work_queue.done(result.job)
            self._count(result)

    def _report_repair(self, kept: State | Log) -> None:
        if kept.repaired:
            self._report({"event": "note", "reason": kept.repaired})
            kept.repaired = None

    def _count(self, result: Result) -> None:
        from impp_edge.run.record import event_of

        event, card_file = event_of(result), result.job.file
        if result.outcome is None:
            self._count_failure(card_file.raw)
        else:
            self.summary.counts[str(event["event"])] += 1
            if card_file.raw in self._failed:  # at an earlier try of this run
                self._failed.remove(card_file.raw)
                self.summary.counts[FAILED] -= 1
        self._report(event)
        self._count_denials(result)

    def _count_denials(self, result: Result) -> None:
        """Stop after several denied files in a row: a missing permission need not cost a read of every file."""
        self._denied = self._denied + 1 if getattr(result.error, "code", None) == "AccessDenied" else 0
        if self._denied == DENIED_MOST:
            from impp_edge.bucket.s3 import Refused

            self._refused = self._refused or Refused(
                f"{result.error}: {DENIED_MOST} files in a row; run impp-edge doctor to see which permission is missing"
            )

    def _stop_for(self, result: Result) -> None:
        from impp_edge.bucket.s3 import Refused, Stopped

        if isinstance(result.error, Refused):
            self._refused = self._refused or result.error
        elif not isinstance(result.error, Stopped):
            self.summary.stopped = self.summary.stopped or str(result.error)

    # --- retain and finish --------------------------------------------------------------------------------------------

    def _abort_stale(self) -> None:
        """Abort unfinished uploads of files that are gone or changed, because their parts cost money."""
        for stale in self._state.stale(self._config.bucket):
            if stale.upload:
                from impp_edge.bucket.s3 import Offline, Refused, S3Error, Stopped

                try:
                    self._session.link.s3.abort(stale.key, stale.upload)
                except (Offline, Refused, S3Error, Stopped) as error:
                    self._report(
                        {
                            "event": "note",
                            "reason": f"an abandoned upload could not be aborted, its parts stay: {error}",
                        }
                    )
                    if not isinstance(error, S3Error):
                        return  # the next run tries again
                    if error.status != 403:
                        continue
                    # denied: a retry is useless, and the bucket's lifecycle removes the upload
            self._state.end(self._config.bucket, stale)

    def _may_remove(self) -> bool:
        """Whether to plan removals now: while watching, not each time that nothing has changed."""
        if not any(folder.retain for folder in self._config.folders):
            return False
        waited = time.monotonic() - self._session.retained_at
        return self._agenda is None or self.summary.counts[UPLOADED] > 0 or waited >= RETAIN_S

    def _retain(self) -> None:
        """Remove files from the cards as configured."""
        from impp_edge.run import retain

        self._session.retained_at = time.monotonic()
        removals = retain.plan(self._config, self._state, time.time())
        if not removals:
            return
        from impp_edge.bucket.aws import Refused

        session = self._session
        try:
            checksums = session.link.checksums
            retain.carry_out(
                removals, session.link.s3, self._state, session.log, self._report_counted, self._stop,
                lambda key: checksums.basis(key, self._state).is_verified,
            )  # fmt: skip
        except Refused as error:
            self._refused = error
        session.link.rest()

    def _report_counted(self, event: Event) -> None:
        """Count an event and pass it on."""
        if event["event"] in (REMOVED, FAILED):
            self.summary.counts[event["event"]] += 1
        self._report(event)

    def _end(self) -> None:
        """Report the summary, and write metrics and heartbeat."""
        self._sum_up()
        counts = self.summary.counts
        if counts[WAITING] and not self._over:
            self._report({"event": WAITING, "reason": self._until()})
        with self._stopping_without_state():
            if not (counts[WAITING] or counts[RESTLESS] or counts[FAILED] or self._over):
                self._state.caught_up()
            self._state.tidy()
            self._pulse()
            self._state.set(LAST_RUN, json.dumps({"at": time.time(), **self.summary.to_dict()}))
        self._report(self.summary.to_dict())

    def _sum_up(self) -> None:
        left = self._work_queue.waiting()
        self.summary.seconds = time.monotonic() - self._started
        self.summary.counts[WAITING] = len(left)
        self.summary.waiting_bytes = sum(card_file.size for card_file in left)
        self.summary.oldest_waiting = min((card_file.mtime for card_file in left), default=None)

    def _until(self) -> str:
        now = time.time()
        opens = self._hours.next_change(now)
        until = f" until {hours.clock(opens, now)}" if opens else ""
        return f"{self.summary.counts[WAITING]} files ({size(self.summary.waiting_bytes)}) are waiting{until}"

    def _pulse(self, ended: bool = True) -> None:
        """Metrics and heartbeat. A failure of either must not end a run."""
        self._sum_up()
        troubles = [metrics.write(self._config.metrics_file, self._state, self.summary, ended=ended)]
        if self._config.heartbeat_s:
            from impp_edge.show import heartbeat  # its imports take longer than the rest of an idle run

            troubles.append(heartbeat.beat(self._config, self._state, self.summary))
        for trouble in filter(None, troubles):
            self._report({"event": "note", "reason": trouble})

    def _show(self, workers: Workers) -> None:
        """Report the progress at intervals."""
        if time.monotonic() - self._shown_at >= PROGRESS_S:
            self._shown_at = time.monotonic()
            self._progress(workers)

    def _progress(self, workers: Workers) -> None:
        self._report(
            {
                "event": "progress",
                "files": self._work_queue.files - len(self._work_queue),
                "of_files": self._work_queue.files,
                "bytes": workers.settled,
                "of_bytes": self._work_queue.bytes,
            }
        )
