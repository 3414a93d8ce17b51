"""The daemon: scans the folders regularly, and sooner when the system hints that something was written.

inotify is a hint, not the truth: it misses files that are renamed in, written by other machines, and on a card that is
mounted over a folder. So the scan decides, every ``rescan_s`` seconds and as soon as a new file can have settled.
Without a network or permission, runs are retried after increasing pauses; nothing piles up meanwhile.
"""

from __future__ import annotations

import queue
import random
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from impp_edge import hours
from impp_edge.config import Config, Folder
from impp_edge.events import Event, Reporter, duration, printable, size
from impp_edge.memory.state import UPLOADED, StateError, lock
from impp_edge.run.sync import FAILED, REMOVED, RESTLESS, THERE, WAITING, Run, Session, Summary
from impp_edge.show.notify import Service

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

OFFLINE_S, OFFLINE_MOST_S = 5.0, 300.0
REFUSED_S, REFUSED_MOST_S = 60.0, 900.0
"""First and longest pause before a retry: without a network; and when S3 or the state refuses us, which a person must
fix."""
HINT_S = 0.5
"""Least time between a hint and the scan that it triggers."""
ALIVE_S = 30.0
"""Longest sleep, so that systemd hears of us in time."""


class Clock:
    """When to scan again: regularly, when a file may be ready, and after a hint. Thread-safe: a hint only replaces a
    number by a smaller one, and the regular scan makes up for a lost hint."""

    def __init__(self, config: Config, now: Callable[[], float] = time.monotonic) -> None:
        self._rescan_s = min(config.rescan_s, config.heartbeat_s or config.rescan_s)
        self._hint_s = max(HINT_S, config.settle_s)  # younger files would not be uploaded anyway
        self._now = now
        self.at = now()
        """The time of the next scan, in seconds of the monotonic clock."""

    def due(self) -> bool:
        """Whether it is time to scan."""
        return self._now() >= self.at

    def looked(self, ready_in: float | None) -> None:
        """The folders were scanned; a file that is still being written may be ready in ``ready_in`` seconds."""
        self.at = self._now() + min(self._rescan_s, self._rescan_s if ready_in is None else max(ready_in, HINT_S))

    def hint(self) -> bool:
        """Something was written somewhere. True if the next scan comes sooner for that."""
        soon = self._now() + self._hint_s
        if sooner := soon < self.at:
            self.at = soon
        return sooner


class Once:
    """Reports a lasting condition only once: a file that fails, a card that is out, a network that is down."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._before: set[tuple[str, ...]] = set()
        self._now: set[tuple[str, ...]] = set()

    def __call__(self, event: Event) -> None:
        """Report an event, unless this or the last round reported the same."""
        if event["event"] in (FAILED, RESTLESS, WAITING, "note"):
            kind = (str(event["event"]), str(event.get("path")), str(event.get("reason")))
            is_known = kind in self._before or kind in self._now
            self._now.add(kind)
            if is_known:
                return
        self._report(event)

    def turn(self) -> None:
        """A round is over: a condition that it did not see is reported again when it returns."""
        self._before, self._now = self._now, set()


class Hints:
    """Listens for new files where the system reports them, and reports once where it does not."""

    def __init__(self, folders: tuple[Folder, ...], heard: Callable[[], None], report: Reporter) -> None:
        self._folders = folders
        self._heard = heard
        self._report = report
        self._observer: BaseObserver | None = None
        self._watches: dict[Path, tuple[tuple[int, int], ObservedWatch]] = {}
        self._usable = True

    def refresh(self) -> None:
        """Listen to every folder that exists: also to a new one, or one that another card is mounted over."""
        for folder in self._folders if self._usable else ():
            there = _identity(folder.path)
            identity, watch = self._watches.get(folder.path, (None, None))
            if watch is not None and (identity != there or not self._listening(watch)):
                self._drop(folder.path)
                identity = None
            if there is not None and identity != there and self._usable:
                self._listen(folder.path, there)

    def close(self) -> None:
        """Stop listening."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def _listen(self, path: Path, identity: tuple[int, int]) -> None:
        try:
            from watchdog import events
            from watchdog.observers import Observer

            if self._observer is None:
                # it warns when folders are created faster than it starts to listen to them, which is harmless
                warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
                self._observer = Observer()
                self._observer.start()
            wanted: list[type[FileSystemEvent]] = [
                events.FileClosedEvent, events.FileMovedEvent, events.FileCreatedEvent,
                events.DirMovedEvent, events.DirCreatedEvent,
            ]  # fmt: skip
            handler = events.FileSystemEventHandler()
            handler.on_any_event = lambda event: self._heard()  # type: ignore[method-assign]  # noqa: ARG005  # its name
            watch = self._observer.schedule(handler, str(path), recursive=True, event_filter=wanted)
            self._watches[path] = (identity, watch)
        except FileNotFoundError:
            return  # it is gone again
        except Exception as error:  # ImportError, OSError, and whatever a system without inotify raises
            self._usable = False
            self.close()
            text = f"the system cannot report new files ({error}): rescanning regularly instead"
            self._report({"event": "note", "reason": printable(text)})

    def _listening(self, watch: ObservedWatch) -> bool:
        assert self._observer is not None
        return any(emitter.watch == watch and emitter.is_alive() for emitter in self._observer.emitters)

    def _drop(self, path: Path) -> None:
        _, watch = self._watches.pop(path)
        assert self._observer is not None
        with suppress(KeyError, OSError):
            self._observer.unschedule(watch)


class Watch:
    """The daemon. :meth:`run` returns when ``stop`` is set; then call :meth:`wake`, as a signal handler may."""

    def __init__(
        self,
        config: Config,
        report: Reporter,
        stop: threading.Event,
        service: Service | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._report = Once(self._listen_in(report))
        self._stop = stop
        self._service = service or Service()
        self._chance = chance
        self._clock = Clock(config)
        self._hours = hours.parse(*config.hours)
        self._inbox: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._session: Session | None = None
        self._troubles = 0

    def wake(self) -> None:
        """Wake the main thread."""
        if self._inbox.empty():
            self._inbox.put(None)

    def run(self) -> None:
        """Watch until asked to stop. Raises :class:`Locked`."""
        with lock(self._config.state):
            hints = Hints(self._config.folders, self._hint, self._report)
            self._service.ready()
            try:
                while not self._stop.is_set():
                    hints.refresh()
                    pause = self._round()
                    self._report.turn()
                    self._wait(pause)
                self._service.stopping()
            finally:
                hints.close()
                self._close()

    # --- a round ------------------------------------------------------------------------------------------------------

    def _round(self) -> float | None:
        """Upload what is there. Returns how long to pause after that; None: until there is something to do."""
        from impp_edge.bucket.aws import Refused

        try:
            self._session = self._session or Session(self._config)
            run = Run(self._session, self._report, self._stop, self._clock)
            summary = run.go()
        except (Refused, StateError) as error:
            self._close()
            return self._trouble(str(error), REFUSED_S, REFUSED_MOST_S)
        if summary.stopped and not self._stop.is_set():
            self._close()
            return self._trouble(summary.stopped, OFFLINE_S, OFFLINE_MOST_S)
        self._troubles = 0
        self._service.status(self._idle(summary))
        return None

    def _trouble(self, reason: str, first_s: float, most_s: float) -> float:
        """Report a problem once and return the pause: longer each time, with jitter so that boxes do not retry
        together."""
        pause = min(most_s, first_s * 2.0 ** min(self._troubles, 16)) * (0.5 + self._chance() / 2)
        self._troubles += 1
        self._report({"event": "note", "reason": f"{reason}; trying again"})
        self._service.status(f"{reason}; trying again in {duration(pause)}")
        return pause

    def _wait(self, pause: float | None) -> None:
        """Sleep until there is something to do, at least for a ``pause``."""
        until = None if pause is None else time.monotonic() + pause
        opens = self._hours.next_change(time.time()) if self._config.hours else None
        while not self._stop.is_set():
            self._service.alive()
            due = self._clock.at if until is None else until
            if until is None and opens is not None and time.time() >= opens:
                return
            left = due - time.monotonic()
            if left <= 0:
                return
            if opens is not None and until is None:
                left = min(left, max(opens - time.time(), 0.0))
            with suppress(queue.Empty):
                self._inbox.get(timeout=min(left, self._service.alive_every_s or ALIVE_S))

    def _hint(self) -> None:
        if self._clock.hint():
            self.wake()

    def _close(self) -> None:
        """Close the session, so that the next round starts with fresh credentials and a repaired database."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(StateError):
                session.close()

    # --- reporting ----------------------------------------------------------------------------------------------------

    def _listen_in(self, report: Reporter) -> Reporter:
        """Pass on events except empty summaries, and report the status to systemd."""

        def listen(event: Event) -> None:
            self._service.alive()
            if event["event"] == "progress":
                self._service.status(
                    f"uploading {event['files']} of {event['of_files']} files, {size(event['bytes'])} of "
                    f"{size(event['of_bytes'])}"
                )
            if event["event"] != "summary" or event[UPLOADED] or event[THERE] or event[REMOVED]:
                report(event)

        return listen

    def _idle(self, summary: Summary) -> str:
        counts = summary.counts
        parts = [f"{counts[kind]} {kind}" for kind in (WAITING, RESTLESS, FAILED) if counts[kind]]
        return f"watching; {', '.join(parts)}" if parts else "watching; everything is uploaded"


def _identity(path: Path) -> tuple[int, int] | None:
    """Distinguishes one folder at a path from another, such as a card mounted over it."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino)
