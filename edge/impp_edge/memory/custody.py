"""The custody log: what was uploaded where and when, one JSON line each, chained to the line before by SHA-256.

A line is compact ASCII JSON that begins with ``n`` (1, 2, 3, …) and ``prev`` (the hash of the line before) and ends
with ``hash``, the SHA-256 of the same line without ``hash``. So anybody can check a line without our tools::

    sed -n 7p custody.jsonl | sed 's/,"hash":"[0-9a-f]*"}$/}/' | tr -d '\\n' | sha256sum

Changing, removing, adding or moving a line breaks the chain there. A rewritten log has a valid chain, hence two
witnesses outside of it: the state records the newest hash, and each object in the bucket carries, as metadata
``impp-custody``, the newest hash at the time it was sent. Both must occur in the log.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from impp_edge.memory.database import plain_words

NAME = "custody.jsonl"
GENESIS = "0" * 64
"""``prev`` of the first line."""
KEPT = "custody-head"
"""Name of the newest hash in :meth:`State.get <impp_edge.memory.state.State.get>`."""
UPLOADED, THERE, REMOVED, CUT = "uploaded", "there", "removed", "cut"
"""Events: uploaded by us; already in the bucket with an equal checksum; about to be removed from the card (retain's
``stayed`` revokes that); the log had lost lines when it was opened."""

_LONGEST = 64 * 1024
"""Bytes of a line at most: a path of 4,096 bytes, three characters each, a key of 1,024, and the rest."""
_FINDINGS = 20
_HASH = b',"hash":"'
_END = len(_HASH) + 64 + len(b'"}\n')
_BEGIN = re.compile(rb'\{"n":([1-9]\d{0,14}),"prev":"([0-9a-f]{64})",')


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to one file. ``sha256`` in hex, ``crc64nvme`` in base64 as S3 writes it, ``captured`` ISO 8601."""

    event: str
    path: Path
    size: int
    mtime_ns: int
    sha256: str
    crc64nvme: str
    bucket: str
    key: str
    version: str | None
    etag: str | None
    device: str
    captured: str | None


@dataclass(frozen=True)
class Finding:
    """A defect at a ``line`` of the log (1 is the first): ``kind`` edited, removed, moved, inserted, replaced,
    unreadable or cut; ``why`` in plain words."""

    line: int
    kind: str
    why: str


@dataclass(frozen=True)
class Check:
    """The result of checking the whole log: ``findings`` are the first of ``wrong`` defects; ``torn`` bytes at the end
    are an incomplete line left by a power cut, which the next run sets aside."""

    entries: int
    head: str
    findings: tuple[Finding, ...]
    wrong: int
    torn: int

    @property
    def ok(self) -> bool:
        """Whether nothing was changed."""
        return not self.wrong


class Log:
    """The log of one state folder, for the one run that holds its lock. Thread-safe.

    ``kept`` is the newest hash that the state recorded (under :data:`KEPT`). If it is no longer in the log, the log was
    cut or replaced, and an entry with the event ``cut`` records that for good. After :meth:`append`, the caller records
    the new head in the state. A run that dies in between leaves one entry more than the state knows: the next run finds
    the object in the bucket and logs it again, as ``there``.

    ``repaired`` reports to the owner an incomplete line left by a power cut, and a log that was cut. All methods raise
    :class:`StateError` if the log cannot be read or written.
    """

    def __init__(self, folder: Path, kept: str | None = None) -> None:
        self.repaired: str | None = None
        self._folder = folder
        self._kept = kept
        self._file: int | None = None
        self._n, self._head = 0, GENESIS
        self._mutex = threading.Lock()

    @property
    def head(self) -> str:
        """The newest hash, :data:`GENESIS` of an empty log: sent with each upload as ``impp-custody``."""
        with self._mutex:
            self._open()
            return self._head

    def append(self, entries: Iterable[Entry]) -> str:
        """Add entries in one write and wait until they are on disk; returns the new head."""
        with self._mutex:
            self._open()
            self._add([_fields(entry) for entry in entries])
            return self._head

    def check(self) -> Check:
        """Check the log; see :func:`check`."""
        return check(self._folder, self._kept)

    def close(self) -> None:
        """Close the file. The next use opens it again."""
        with self._mutex:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        if self._file is not None:
            return
        path = self._folder / NAME
        with plain_words(path), self._closing():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with path.open("rb") as file:
                whole, self._n, self._head = _last(file)
                if os.fstat(self._file).st_size > whole:
                    aside = self._tear_off(file, whole)
                    self.repaired = f"{path}: a power cut left a torn line; it is kept as {aside.name}"
                if not whole:
                    _sync_folder(self._folder)
            if self._kept not in (None, GENESIS, self._head) and not _occurs(self._folder, str(self._kept)):
                self._add([{"event": CUT, "expected": self._kept}])
                self.repaired = f"{path} was cut or replaced: the newest entry that the state remembers is missing"

    def _tear_off(self, file: BinaryIO, whole: int) -> Path:
        """Move what follows the last complete entry into a file of its own."""
        aside = self._folder / f"custody.torn-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        file.seek(whole)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as torn:
            while block := file.read(_LONGEST):
                torn.write(block)
            torn.flush()
            os.fsync(torn.fileno())
        _sync_folder(self._folder)
        os.ftruncate(self._opened, whole)
        return aside

    def _add(self, entries: list[dict[str, Any]]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        added, n, head = bytearray(), self._n, self._head
        for entry in entries:
            n += 1
            body = text({"n": n, "prev": head, "at": at, **entry})
            head = hashlib.sha256(body).hexdigest()
            added += b'%b,"hash":"%b"}\n' % (body[:-1], head.encode())
        if added:
            self._write(added)
            self._n, self._head = n, head

    def _write(self, added: bytearray) -> None:
        """Write all or nothing: on a full disk, a partial write is undone."""
        before = os.fstat(self._opened).st_size
        with plain_words(self._folder / NAME), self._closing():
            try:
                if os.write(self._opened, added) != len(added):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                _sync(self._opened)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._opened, before)
                raise

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Close the file on an error: what is on disk is uncertain, so read it again before the next entry."""
        try:
            yield
        except BaseException:
            self._close()
            raise

    @property
    def _opened(self) -> int:
        assert self._file is not None
        return self._file


def check(folder: Path, kept: str | None = None) -> Check:
    """Read the log from the first line to the last in constant memory and report what was changed where.

    ``kept`` is the newest hash that the state recorded: without it, a cut end goes unnoticed. Changes nothing, so it
    may be called during a run. A missing log counts as empty.
    """
    return _Checker(kept).run(lines(folder))


def entries(folder: Path, *needles: Mapping[str, str | int]) -> Iterator[dict[str, Any]]:
    """The entries that have all fields of one of the ``needles``, oldest first; in a broken log, those that can be
    read."""
    wanted = [[text(k) + b":" + text(v) for k, v in needle.items()] for needle in needles]
    for line in lines(folder):
        if not any(all(part in line for part in needle) for needle in wanted):
            continue
        entry = parse(line)
        if entry and any(all(entry.get(k) == v for k, v in needle.items()) for needle in needles):
            yield entry


def lines(folder: Path) -> Iterator[bytes]:
    """The log's raw lines, each cut at 64 KiB; none if there is no log."""
    path = folder / NAME
    with plain_words(path), suppress(FileNotFoundError), path.open("rb") as file:
        yield from iter(partial(file.readline, _LONGEST), b"")


def hash_of(line: bytes) -> bytes:
    """The hash at the end of a line; arbitrary bytes if the line is not one of ours."""
    return line[-67:-3]


def key_of(line: bytes) -> bytes:
    """The key in a line as :func:`text` writes it, without parsing the line; empty if there is none."""
    begin = line.find(b',"key":') + 7  # quotes inside a text are escaped, so this is the field
    return line[begin : line.find(b',"version":', begin)] if begin > 6 else b""


def text(value: Any) -> bytes:
    """A value as written in a line."""
    return json.dumps(value, separators=(",", ":")).encode()


def parse(line: bytes) -> dict[str, Any] | None:
    """An entry as a mapping; None if the line is not an entry."""
    if not _BEGIN.match(line) or line[-_END : -_END + len(_HASH)] != _HASH or not line.endswith(b'"}\n'):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def path_text(path: Path) -> str:
    """A path for the log: unchanged, but ``%`` and bytes that are not UTF-8 as ``%XX``, so that none is ambiguous."""
    raw = os.fsencode(path).replace(b"%", b"%25")
    return re.sub(r"[\udc80-\udcff]", lambda m: f"%{ord(m[0]) - 0xDC00:02X}", raw.decode("utf-8", "surrogateescape"))


def seconds(nanoseconds: int) -> str:
    """A file's time as ``stat -c %.9Y`` prints it: seconds since 1970, exact."""
    whole, part = divmod(abs(nanoseconds), 10**9)
    return f"{'-' if nanoseconds < 0 else ''}{whole}.{part:09}"


class _Checker:
    """One pass over the lines; each must continue the number and hash of the one before."""

    def __init__(self, kept: str | None) -> None:
        self._kept = kept.encode() if kept and kept != GENESIS else None
        self._findings: list[Finding] = []
        self._wrong = 0
        self._line = 0
        self._last = (0, GENESIS.encode())
        self._doubt = (0, self._last)  # the last doubtful line, and the entry before it
        self._missing: list[range] = []

    def run(self, read: Iterable[bytes]) -> Check:
        (n, head), kept, sha256, torn = self._last, self._kept, hashlib.sha256, 0
        for line in read:
            if line[-1] != 10 and len(line) < _LONGEST:
                torn = len(line)
                break
            self._line += 1
            own = line[-67:-3]
            ours = line[-_END:-67] == _HASH and line[-3:] == b'"}\n'
            whole = ours and sha256(line[:-_END] + b"}").hexdigest().encode() == own
            if whole and line.startswith(b'{"n":%d,"prev":"%s",' % (n + 1, head)):
                n, head = n + 1, own
                if b'"event":"cut"' in line:
                    self._find(CUT, f"the log had lost its end after entry {n - 1} when this run began")
            else:
                self._last = (n, head)
                n, head = self._wrong_line(line if ours else b"", whole)
            if own == kept:
                kept = None
        if kept is not None:
            self._line += 1
            self._find(CUT, "the newest entry that the state remembers is not in the log: its end is missing")
            self._line -= 1
        return Check(self._line, head.decode("ascii", "replace"), tuple(self._findings), self._wrong, torn)

    def _wrong_line(self, line: bytes, whole: bool) -> tuple[int, bytes]:
        """Report what is wrong with a line that does not continue the last; returns what the next one must continue."""
        n, begin, own = self._last[0], _BEGIN.match(line), line[-67:-3]
        doubted = self._doubt[0] == self._line - 1
        before = self._doubt[1] if doubted else self._last
        if not begin or not whole:
            self._doubt = (self._line, before)
            if not begin:
                self._find("unreadable", "this is not a log entry")
                return self._last
            self._find("edited", "it was changed: its content does not match its hash")
            return n + 1, own
        number, prev = int(begin[1]), begin[2]
        if doubted and (number - 1, prev) == before:
            self._refind("inserted", "it was inserted: the next line continues the one before it")
        elif number > n + 1:
            self._find("removed", f"{_named(n + 1, number - 1)} missing here")
            self._missing = [*self._missing[-99:], range(n + 1, number)]
        elif number == n + 1:
            self._line -= n > 0
            self._find("replaced", "it was replaced: the next line continues another one")
            self._line += n > 0
        else:
            moved = any(number in gap for gap in self._missing)
            self._find(*(("moved", f"entry {number} does not belong here") if moved else
                         ("inserted", f"entry {number} is repeated here")))  # fmt: skip
            return self._last
        return number, own

    def _find(self, kind: str, why: str) -> None:
        self._wrong += 1
        if len(self._findings) < _FINDINGS:
            self._findings.append(Finding(self._line, kind, why))

    def _refind(self, kind: str, why: str) -> None:
        """Correct the last finding: that line is wrong in a different way than it seemed."""
        if self._wrong == len(self._findings):
            self._findings[-1] = Finding(self._findings[-1].line, kind, why)


def _named(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _last(file: BinaryIO) -> tuple[int, int, str]:
    """The last entry that can be read: where it ends in bytes, its number, its hash."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST))
    window = file.read()
    begin, end = window[:-1].rfind(b"\n") + 1, size
    if last_entry := _numbered(window[begin:]):
        return end, *last_entry
    at, whole, number, head = 0, 0, 0, GENESIS
    file.seek(0)
    for line in iter(partial(file.readline, _LONGEST), b""):
        at += len(line)
        if entry := _numbered(line):
            whole, (number, head) = at, entry
    return whole, number, head


def _numbered(line: bytes) -> tuple[int, str] | None:
    begin = _BEGIN.match(line)
    return (int(begin[1]), hash_of(line).decode("ascii", "replace")) if begin and parse(line) else None


def _occurs(folder: Path, hash_: str) -> bool:
    return any(hash_of(line) == hash_.encode() for line in lines(folder))


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "event": entry.event,
        "path": path_text(entry.path),
        "size": entry.size,
        "mtime": seconds(entry.mtime_ns),
        "sha256": entry.sha256,
        "crc64nvme": entry.crc64nvme,
        "bucket": entry.bucket,
        "key": entry.key,
        "version": entry.version,
        "etag": entry.etag,
        "device": entry.device,
        "captured": entry.captured,
    }


def _sync(file: int) -> None:
    getattr(os, "fdatasync", os.fsync)(file)  # macOS has no fdatasync


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
