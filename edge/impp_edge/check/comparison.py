"""Compare three records of each uploaded file: the file, read again; its object in S3; its entry in the custody log.

The log itself is checked against S3: each object carries the log's newest hash at the time of its upload. The log must
contain that hash before the object's own entry; otherwise it was rewritten.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from impp_edge.bucket.checksums import Basis, Checksums
from impp_edge.card import triage
from impp_edge.card.find import scan
from impp_edge.config import Config
from impp_edge.events import Reporter, shown
from impp_edge.memory import custody
from impp_edge.memory.state import Entry, State
from impp_edge.stop import Stopped

if TYPE_CHECKING:
    from impp_edge.bucket.s3 import S3, Head

BATCH = 20_000
"""Files compared with the log in one pass over it: some 20 MB of memory, and two seconds per million lines."""
PROGRESS_S = 0.5
WHOLE = 1 << 62
"""A part size that no file has: the checksum of the whole is enough."""
ANCHOR = "impp-custody"
SHA256 = "impp-sha256"

EQUAL, GONE, NEW, EARLIER = "equal", "gone", "new", "earlier"
MISSING, DIFFERS, CHANGED, UNREADABLE, UNLOGGED, FORGED = (
    "missing", "differs", "changed", "unreadable", "unlogged", "forged",
)  # fmt: skip
WRONG = (MISSING, DIFFERS, CHANGED, UNREADABLE, UNLOGGED, FORGED)


@dataclass
class Result:
    """``counts`` of files: equal in all places; gone from the card (S3 keeps them); new, not uploaded yet; earlier,
    equal but uploaded before there was a custody log; and those of :data:`WRONG`. ``stopped`` why it ended too soon.
    ``basis``: what the comparison with S3 rests on, None without any object; unless the server verifies checksums, the
    objects were read back."""

    log: custody.Check
    basis: Basis | None = None
    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    seconds: float = 0.0
    stopped: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything was looked at and nothing is wrong."""
        return self.log.ok and self.stopped is None and not any(self.counts[kind] for kind in WRONG)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "event": "summary",
            **{kind: self.counts[kind] for kind in (EQUAL, GONE, NEW, EARLIER, *WRONG)},
            "log": log_dict(self.log),
            "basis": self.basis,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "ok": self.ok,
        }


class Reader(State):
    """The state, read-only; a run may write it meanwhile."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, write=False)

    def reconsider(self, bucket: str, directory: bytes, policy: str) -> None:
        """Does nothing: only a run forgets skipped files when the rules have changed."""

    def set(self, name: str, value: str | None) -> None:
        """Does nothing: only a run records facts."""


def verify(
    config: Config, state: Reader, s3: S3, report: Reporter, stop: threading.Event, below: Sequence[Path] = (),
    gone: bool = False,
) -> Result:  # fmt: skip
    """Compare all files that were uploaded, or those at and below some paths; with ``gone`` also the objects and log
    entries of files that are no longer on the card.

    ``report`` receives, from one thread, progress and each mismatch: ``{"event": "wrong", "kind", "path",
    "key", "reason"}``. Raises :class:`Refused` and :class:`StateError`.
    """
    return _Run(config, state, s3, report, stop, gone).go(below)


def log_dict(check: custody.Check) -> dict[str, Any]:
    """A check of the log as plain JSON."""
    findings = [{"line": f.line, "kind": f.kind, "why": f.why} for f in check.findings]
    return {"ok": check.ok, "entries": check.entries, "head": check.head, "torn": check.torn, "wrong": check.wrong,
            "findings": findings}  # fmt: skip


def differences(head: Head | None, entry: Entry) -> tuple[str, str] | None:
    """How an object differs from the state's entry, as (kind, reason); None if it does not."""
    s3_object = entry.s3_object
    if head is None:
        return MISSING, "it is no longer in the bucket"
    if head.size != entry.size:
        return DIFFERS, f"S3 has {head.size} bytes, not {entry.size}"
    if head.crc64nvme and head.crc64nvme != s3_object.crc64nvme:
        return DIFFERS, f"S3 has the CRC-64/NVME {head.crc64nvme}, not {s3_object.crc64nvme}"
    if not head.crc64nvme and head.metadata.get(SHA256) != s3_object.sha256:
        return DIFFERS, "S3 has no full-object checksum, and a different SHA-256 in the metadata"
    if s3_object.version and head.version != s3_object.version:
        return DIFFERS, f"the newest version in S3 is {head.version}, not {s3_object.version}"
    return None


@dataclass(slots=True)
class _Seen:
    """A file, what is wrong with it so far, and the hash of the log that its object carries."""

    entry: Entry
    kind: str
    reason: str | None = None
    anchor: str | None = None


class _Run:
    def __init__(
        self, config: Config, state: Reader, s3: S3, report: Reporter, stop: threading.Event, gone: bool
    ) -> None:
        self._config, self._state, self._s3, self._report, self._stop, self._gone = (
            config,
            state,
            s3,
            report,
            stop,
            gone,
        )
        self._checksums = Checksums(s3)
        self._result = Result(custody.check(config.state, state.get(custody.KEPT)))
        self._halt = threading.Event()
        self._mutex = threading.Lock()
        self._files = self._of_files = self._of_bytes = 0
        self._progress_at = 0.0

    def go(self, below: Sequence[Path]) -> Result:
        from impp_edge.bucket.s3 import Offline

        began = time.monotonic()
        for entry in self._entries(below):
            self._of_files += 1
            self._of_bytes += entry.size
        pool = ThreadPoolExecutor(self._config.workers, "verify")
        try:
            looked = self._parallel(pool, self._entries(below))
            while batch := list(islice(looked, BATCH)):
                for seen in against_log(self._config, batch):
                    self._note(seen)
            self._result.counts[NEW] = sum(1 for _ in self._new(below))
        except (Offline, Stopped) as error:
            self._result.stopped = str(error)
        finally:
            self._halt.set()  # after an error, what is being read need not be read to its end
            pool.shutdown(cancel_futures=True)
        self._result.seconds = time.monotonic() - began
        return self._result

    def _entries(self, below: Sequence[Path]) -> Iterator[Entry]:
        for path in below or (None,):
            yield from self._state.entries(self._config.bucket, path, gone=self._gone)

    def _new(self, below: Sequence[Path]) -> Iterator[Path]:
        for folder in self._config.folders:
            new_files = scan(folder, self._state, self._config.bucket, self._problem)
            for parent, together in groupby(new_files, key=lambda one: one.path.parent):
                siblings = frozenset(os.listdir(parent)) if parent.is_dir() else frozenset()  # noqa: PTH208
                for one in together:
                    if self._stop.is_set():
                        raise Stopped("asked to stop")
                    changed = self._state.key(self._config.bucket, one.raw) is not None  # counted as that already
                    if not changed and _under(one.path, below) and triage.skip_reason(one, siblings) is None:
                        yield one.path

    def _problem(self, path: str, reason: str) -> None:
        self._result.counts[UNREADABLE] += 1
        self._report({"event": "wrong", "kind": UNREADABLE, "path": shown(path), "key": None, "reason": reason})

    def _parallel(self, pool: ThreadPoolExecutor, entries: Iterable[Entry]) -> Iterator[_Seen]:
        """Check files concurrently, with a bounded number of them in memory."""
        waiting: deque[Future[_Seen]] = deque()
        for entry in entries:
            waiting.append(pool.submit(self._look, entry))
            if len(waiting) >= 2 * self._config.workers:
                yield self._wait(waiting.popleft())
        while waiting:
            yield self._wait(waiting.popleft())

    def _wait(self, future: Future[_Seen]) -> _Seen:
        while True:
            self._progress()
            try:
                seen = future.result(PROGRESS_S)
            except TimeoutError:
                continue
            self._files += 1
            return seen

    def _look(self, entry: Entry) -> _Seen:
        """Read a file and ask S3 for its object. Runs in a worker thread."""
        if self._stop.is_set() or self._halt.is_set():
            raise Stopped("asked to stop")
        kind, reason = self._read(entry)
        if kind == GONE and not self._gone:
            return _Seen(entry, GONE)
        there, head = self._ask(entry)
        if there and kind not in (GONE, EQUAL):
            reason = f"{reason}; {there[1]}"
        elif there:
            kind, reason = there
        return _Seen(entry, kind, reason, head.metadata.get(ANCHOR) if head else None)

    def _read(self, entry: Entry) -> tuple[str, str | None]:
        from impp_edge.digest import digest

        try:
            status = entry.path.lstat()
            if not stat.S_ISREG(status.st_mode) or (status.st_size, status.st_mtime_ns) != (entry.size, entry.mtime_ns):
                return (GONE, None) if entry.gone else (CHANGED, "it changed on the card after its upload")
            with entry.path.open("rb", buffering=0) as file:
                content = digest(_Counted(file, self._count), WHOLE, _Either(self._stop, self._halt))  # type: ignore[arg-type]
        except (FileNotFoundError, NotADirectoryError):
            return GONE, None
        except OSError as error:
            return UNREADABLE, f"it cannot be read: {error.strerror}"
        if (content.sha256, content.crc64nvme) != (entry.s3_object.sha256, entry.s3_object.crc64nvme):
            return DIFFERS, "its content on the card differs from the upload, though size and time match"
        return EQUAL, None

    def _ask(self, entry: Entry) -> tuple[tuple[str, str] | None, Head | None]:
        from impp_edge.bucket.s3 import S3Error

        s3_object = entry.s3_object
        try:
            head = self._s3.head(s3_object.key)
            difference = differences(head, entry)
            self._result.basis = basis = self._checksums.basis(s3_object.key, self._state)
            if not difference and not basis.is_verified:
                sha256 = self._s3.read_back(s3_object.key, entry.size, s3_object.version)
                if sha256 != s3_object.sha256:
                    difference = DIFFERS, "its bytes in the bucket, read back, differ from the upload"
        except S3Error as error:
            missing = "; it is missing, or s3:GetObject is not allowed" if error.status == 403 else ""
            return (MISSING if missing else UNREADABLE, f"{error}{missing}"), None
        return difference, head

    def _count(self, count: int) -> None:
        with self._mutex:
            self._result.bytes += count

    def _note(self, seen: _Seen) -> None:
        self._result.counts[seen.kind] += 1
        if seen.kind in WRONG:
            path, key = shown(seen.entry.path), seen.entry.s3_object.key
            self._report({"event": "wrong", "kind": seen.kind, "path": path, "key": key, "reason": seen.reason})

    def _progress(self) -> None:
        if (now := time.monotonic()) - self._progress_at >= PROGRESS_S:
            self._progress_at = now
            done = {"files": self._files, "of_files": self._of_files}
            self._report({"event": "progress", **done, "bytes": self._result.bytes, "of_bytes": self._of_bytes})


class _Either(threading.Event):
    """Set when one of two events is."""

    def __init__(self, one: threading.Event, other: threading.Event) -> None:
        super().__init__()
        self._both = (one, other)

    def is_set(self) -> bool:
        """Whether one of them is."""
        return any(event.is_set() for event in self._both)


class _Counted:
    """A file that reports how many bytes were read."""

    def __init__(self, file: BinaryIO, count: Callable[[int], None]) -> None:
        self._file, self._count = file, count

    def readinto(self, buffer: memoryview) -> int:
        """As of the file."""
        count: int = self._file.readinto(buffer)  # type: ignore[attr-defined]  # not in BinaryIO
        self._count(count)
        return count


def against_log(config: Config, batch: Sequence[_Seen]) -> Sequence[_Seen]:
    """Compare files with the log in one pass over it: each needs an entry with the same values, and the hash that its
    object carries must precede that entry."""
    looked = [seen for seen in batch if seen.kind != GONE or seen.anchor]
    by_key: dict[bytes, list[_Seen]] = {}
    for seen in looked:
        by_key.setdefault(custody.text(seen.entry.s3_object.key), []).append(seen)
    anchors: dict[bytes, int | None] = {seen.anchor.encode(): None for seen in looked if seen.anchor}
    anchors[custody.GENESIS.encode()] = 0
    logged: dict[int, tuple[int, str] | None] = {}
    for number, line in enumerate(custody.lines(config.state), 1):
        if anchors.get(own := custody.hash_of(line), 0) is None:
            anchors[own] = number
        for seen in by_key.get(custody.key_of(line), ()):
            entry = custody.parse(line) or {}
            if entry.get("event") not in (custody.UPLOADED, custody.THERE) or entry.get("bucket") != config.bucket:
                continue
            if _same(entry, seen.entry):
                logged[id(seen)] = logged.get(id(seen)) or (number, entry["event"])
            else:
                logged.setdefault(id(seen))
    for seen in looked:
        _conclude(seen, logged, anchors)
    return batch


def _same(entry: dict[str, Any], remembered: Entry) -> bool:
    s3_object = remembered.s3_object
    logged_values = [entry.get(name) for name in ("size", "sha256", "crc64nvme", "version")]
    return logged_values == [remembered.size, s3_object.sha256, s3_object.crc64nvme, s3_object.version]


def _conclude(
    seen: _Seen, logged: dict[int, tuple[int, str] | None], anchors: dict[bytes, int | None]
) -> None:  # fmt: skip
    kind = reason = None
    if id(seen) not in logged and seen.kind == EQUAL and seen.anchor is None:
        kind = EARLIER  # its object was sent when there was no log, or it would bear a hash
    elif id(seen) not in logged:
        kind, reason = UNLOGGED, "the custody log has no entry for it"
    elif (log_entry := logged[id(seen)]) is None:
        kind, reason = DIFFERS, "its entry in the custody log differs from the state"
    elif seen.anchor and log_entry[1] == custody.UPLOADED:
        at = anchors.get(seen.anchor.encode())
        if at is None or at >= log_entry[0]:
            where = "does not hold" if at is None else f"holds only after its entry {log_entry[0]}"
            kind, reason = FORGED, f"its object carries a hash that the custody log {where}: the log was rewritten"
    seen.reason = "; ".join(one for one in (seen.reason, reason) if one) or None
    if kind and seen.kind not in WRONG:
        seen.kind = kind


def _under(path: Path, below: Sequence[Path]) -> bool:
    return not below or any(path == one or one in path.parents for one in below)


def absolute(path: Path) -> Path:
    """A path as the state has it: links in it are not resolved."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  # resolve() would follow links
