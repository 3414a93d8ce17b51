"""One run over the folders: every file takes the way find → settle → identify → hash → upload → verify → remember.

A file that fails is noted and tried in the next run; the others go on. Whatever step a run dies at, the next one finds
either a file that is not in the bucket, or one that is there with an equal checksum.
"""

from __future__ import annotations

import mimetypes
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from impp_edge import cameras, identify
from impp_edge.config import Config
from impp_edge.find import Found, find, settled, unchanged
from impp_edge.state import Brought, State, lock

if TYPE_CHECKING:
    from impp_edge.upload import Uploader

HEAD = 512
SUFFIX = 8
"""Hex digits of the SHA-256 that tell apart two different files of one name, device and day."""
PROGRESS_S = 0.5

BROUGHT, THERE, KNOWN, RESTLESS, SKIPPED, FAILED = "brought", "there", "known", "restless", "skipped", "failed"

Event = dict[str, Any]
Tell = Callable[[Event], None]


@dataclass
class Summary:
    """What a run did: ``seconds`` of wall time, ``bytes`` sent, ``stopped`` why it ended before its time."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    seconds: float = 0.0
    stopped: str | None = None

    def to_dict(self) -> Event:
        """The summary as plain JSON."""
        return {
            "event": "summary",
            **{kind: self.counts[kind] for kind in (BROUGHT, THERE, KNOWN, RESTLESS, SKIPPED, FAILED)},
            "skipped_because": dict(self.reasons),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
        }

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be tried again because it failed."""
        return not self.counts[FAILED] and self.stopped is None


def run(config: Config, tell: Tell = lambda _event: None, stop: threading.Event | None = None) -> Summary:
    """Bring everything once. ``tell`` hears of each file and of progress, from one thread.

    Raises :class:`~impp_edge.state.Locked`, :class:`~impp_edge.state.StateError` and
    :class:`~impp_edge.upload.Refused`.
    """
    with lock(config.state):
        state = State(config.state)
        try:
            return _Run(config, state, tell, stop or threading.Event()).go()
        finally:
            state.close()


class _Run:
    def __init__(self, config: Config, state: State, tell: Tell, stop: threading.Event) -> None:
        self._config = config
        self._state = state
        self._tell = tell
        self._stop = stop
        self._summary = Summary()
        self._total = self._total_bytes = 0

    def go(self) -> Summary:
        started = time.monotonic()
        waiting = sorted(self._to_bring(), key=_urgency)
        self._total, self._total_bytes = len(waiting), sum(f.size for f in waiting)
        if waiting:  # else nothing of AWS is even imported
            self._bring_all(waiting)
        self._summary.seconds = time.monotonic() - started
        self._tell(self._summary.to_dict())
        return self._summary

    # --- find, settle -------------------------------------------------------------------------------------------------

    def _to_bring(self) -> Iterable[Found]:
        now = time.time()
        for folder in self._config.folders:
            for found in find(folder, self._problem):
                if self._state.known(self._config.bucket, found):
                    self._note(KNOWN)
                elif reason := _unwanted(found):
                    self._note(SKIPPED, reason)
                    self._tell({"event": SKIPPED, "path": _shown(found), "reason": reason})
                elif not self._is_settled(found, now):
                    self._note(RESTLESS)
                    self._tell({"event": RESTLESS, "path": _shown(found)})
                else:
                    yield found

    def _is_settled(self, found: Found, now: float) -> bool:
        wanted = self._config.settle_s
        if settled(found, now, None, wanted):
            return True
        return settled(found, now, self._state.quiet_since(found, now), wanted)

    def _problem(self, path: str, reason: str) -> None:
        self._note(FAILED)
        self._tell({"event": FAILED, "path": os.fsencode(path).decode("utf-8", "backslashreplace"), "reason": reason})

    # --- upload -------------------------------------------------------------------------------------------------------

    def _bring_all(self, waiting: list[Found]) -> None:
        from impp_edge.upload import Uploader  # half a second of imports that an idle run need not pay

        uploader = Uploader(self._config)
        queue = iter(waiting)
        running: dict[Future[tuple[str, Event]], Found] = {}
        try:
            with ThreadPoolExecutor(self._config.workers, "file") as pool:
                while True:
                    while len(running) < self._config.workers and not self._stopping():
                        if (found := next(queue, None)) is None:
                            break
                        running[pool.submit(self._one, uploader, found)] = found
                    if not running:
                        break
                    done, _ = wait(running, PROGRESS_S, FIRST_COMPLETED)
                    for future in done:
                        self._finish(running.pop(future), future)
                    self._progress()
        finally:
            uploader.close()
        left = len(list(queue))
        if left and not self._summary.stopped:
            self._summary.stopped = "asked to stop"

    def _stopping(self) -> bool:
        return self._stop.is_set() or self._summary.stopped is not None

    def _finish(self, found: Found, future: Future[tuple[str, Event]]) -> None:
        from impp_edge.upload import Offline, Refused

        try:
            kind, event = future.result()
        except Refused:
            self._stop.set()
            raise
        except sqlite3.Error as error:  # without a memory there is no sense in going on
            kind, event = FAILED, {"reason": f"brought, but the state cannot be written: {error}"}
            self._summary.stopped = event["reason"]
        except Exception as error:  # whatever one file brings up, the others go on
            reason = _reason(found, error)
            if isinstance(error, Offline):
                self._summary.stopped = str(error)
            self._state.failed(found.path, reason)
            kind, event = FAILED, {"reason": reason}
        self._note(kind)
        if kind == BROUGHT:
            self._summary.bytes += found.size
        self._tell({"event": kind, "path": _shown(found), "size": found.size, **event})

    def _one(self, uploader: Uploader, found: Found) -> tuple[str, Event]:
        """Identify, hash, upload, verify, remember. Runs in a worker thread."""
        from impp_edge.digest import digest
        from impp_edge.upload import Changed, Labels, part_size

        with found.path.open("rb") as file:
            identity = identify.identify(found.folder, found.relative, found.mtime, file)
            file.seek(0)
            content = digest(file, part_size(found.size))
        if content.size != found.size or not unchanged(found):
            raise Changed("changed while it was being read")
        name = found.relative.name
        keys = (identify.key(identity, name), identify.key(identity, name, content.sha256[:SUFFIX]))
        labels = Labels(
            identify.tags(identity, content, found.folder.tags),
            identify.metadata(identity, content, found.relative),
            mimetypes.guess_type(name.lower())[0] or "application/octet-stream",
        )
        brought, was_there = uploader.bring(found, content, keys, labels)
        if not unchanged(found):
            raise Changed("changed while it was being brought")
        self._remember(found, brought)
        return THERE if was_there else BROUGHT, {
            "key": brought.key,
            "version": brought.version,
            "sha256": brought.sha256,
            "crc64nvme": brought.crc64nvme,
            "captured": identity.captured.isoformat(timespec="seconds"),
            "captured_from": identity.captured_from,
            "doubt": identity.doubt,
            "renamed": brought.key == keys[1],
        }

    def _remember(self, found: Found, brought: Brought) -> None:
        self._state.remember(self._config.bucket, found, brought)

    # --- show ---------------------------------------------------------------------------------------------------------

    def _note(self, kind: str, reason: str | None = None) -> None:
        self._summary.counts[kind] += 1
        if reason:
            self._summary.reasons[reason] += 1

    def _progress(self) -> None:
        counts = self._summary.counts
        done = counts[BROUGHT] + counts[THERE] + counts[FAILED]
        self._tell(
            {
                "event": "progress",
                "files": done,
                "of_files": self._total,
                "bytes": self._summary.bytes,
                "of_bytes": self._total_bytes,
            }
        )


def _reason(found: Found, error: Exception) -> str:
    from impp_edge.upload import Offline, UploadError

    if not unchanged(found) and not isinstance(error, Offline):
        return "changed or went away while it was being brought"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error) if isinstance(error, UploadError) else f"{type(error).__name__}: {error}"


def _unwanted(found: Found) -> str | None:
    """Why a file is not brought, None for footage."""
    name = found.relative.name
    folders = list(found.relative.parts[:-1])
    known = cameras.recognise(folders, name)
    if known and known.proxy and known.maker == "nextbase":
        return _twin(found)
    if cameras.is_sidecar(name):
        return "sidecar"
    if known:
        return None
    if found.folder.unknown == "skip":
        return "no known camera"
    try:
        with found.path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None  # the attempt to bring it will tell
    return None if identify.is_media(name, head) else "no media"


def _twin(found: Found) -> str | None:
    """Nextbase writes each clip twice; the low rate is not needed where the high one is there."""
    stem, dot, extension = found.path.name.rpartition(".")
    return "low-rate twin" if found.path.with_name(f"{stem[:-1]}H{dot}{extension}").exists() else None


def _urgency(found: Found) -> tuple[bool, float, PurePosixPath]:
    """Events before routine, older before newer: the camera overwrites the oldest first."""
    folders = [*found.folder.path.parts[-2:], *found.relative.parts[:-1]]
    known = cameras.recognise(folders, found.relative.name)
    return (known is None or known.recording != "event", found.mtime, found.relative)


def _shown(found: Found) -> str:
    """A path as text that can be printed and put into JSON, whatever bytes it has."""
    return os.fsencode(found.path).decode("utf-8", "backslashreplace")
