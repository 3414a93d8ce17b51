"""What was uploaded, skipped, begun and failed: a SQLite file beside a lock, so that no file is read twice and no two
runs collide.

The bucket is the source of truth. If the state is lost, every file is hashed once more, found in the bucket with an
equal checksum, and recorded again: nothing is lost or uploaded twice.

Everything is recorded per bucket: for another bucket, nothing is known. A file is identified by path, size and
modification time; with another size or time it is a new file at an old path.
"""

# ruff: noqa: S608, PTH116, PTH118, PTH120  # SQL is put together of constants only; pathlib knows no paths in bytes

from __future__ import annotations

import base64
import os
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from impp_edge.memory import clock
from impp_edge.memory.database import FILE, open_to_read, open_to_write, sqlite_words
from impp_edge.memory.database import Locked as Locked
from impp_edge.memory.database import StateError as StateError
from impp_edge.memory.database import lock as lock

if TYPE_CHECKING:
    from impp_edge.digest import Digest

SAMPLES = 200
"""How many runs' throughput is kept."""
LAST_RUN = "last_run"
"""Name under which the last run's summary is kept, as JSON with ``at``, its end in seconds since 1970."""
UPLOADED = "brought"
Row = tuple[bytes, int, int, int]
"""A known file of a directory: name, size, mtime_ns, and 0 for uploaded or the number of the reason it is skipped."""


class File(Protocol):
    """What identifies a file; CardFile, Entry and Stale have it."""

    @property
    def raw(self) -> bytes:
        """Absolute path in the file system's own bytes."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def mtime_ns(self) -> int:
        """Modification time in nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """The object of an uploaded file: ``version`` None in a bucket without versioning; ``sha256`` in hex, ``crc64nvme``
    in base64 as S3 writes it."""

    key: str
    version: str | None
    sha256: str
    crc64nvme: str
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a file is, as far as retain, verify and status need it. ``recording`` None (uploaded by an earlier
    impp-edge) is unknown: treat it as an event. ``captured`` in ISO 8601 with offset."""

    source: str | None = None
    device: str | None = None
    camera: str | None = None
    recording: str | None = None
    captured: str | None = None
    group: str | None = None
    truncated: str | None = None
    sidecar: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was uploaded, at ``at`` (seconds since 1970). ``gone``: None while it is the last known file at its
    path, ``removed`` by us from the card, or ``overwritten`` by another file of that name; ``gone_at`` when."""

    bucket: str
    raw: bytes
    size: int
    mtime_ns: int
    s3_object: S3Object
    about: About
    at: float
    gone: str | None
    gone_at: float | None

    @property
    def path(self) -> Path:
        """Its path, also if it is gone."""
        return Path(os.fsdecode(self.raw))

    @property
    def mtime(self) -> float:
        """Modification time in seconds since 1970."""
        return self.mtime_ns / 1e9


@dataclass(frozen=True, slots=True)
class Pending:
    """An unfinished upload: ``upload`` is the id of the multipart upload, None before it is known and for an upload in
    one request."""

    key: str
    upload: str | None
    digest: Digest


@dataclass(frozen=True, slots=True)
class Stale:
    """An unfinished upload of a file that is gone or changed: abort it, then :meth:`State.end` it."""

    raw: bytes
    size: int
    mtime_ns: int
    key: str
    upload: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that failed ``times`` times, last at ``at`` (seconds since 1970)."""

    path: str
    reason: str
    times: int
    at: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What a run sent: ``bytes`` in ``seconds`` of wall time, ended at ``at`` (seconds since 1970)."""

    at: float
    files: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Total:
    """Files of one recording kind uploaded to a bucket, also those that are gone; ``recording`` None is unknown."""

    bucket: str
    recording: str | None
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """Totals of the state. ``last`` in seconds since 1970; ``skipped`` by reason; ``failed`` the latest 20 of
    ``failures``; ``pending`` counts unfinished uploads."""

    files: int
    bytes: int
    last: float | None
    totals: list[Total]
    skipped: dict[str, int]
    restless: int
    pending: int
    failures: int
    failed: list[Failure]


class State:
    """The state of one state folder. Thread-safe. All methods raise :class:`StateError`.

    Open it to write only while holding :func:`lock`; with ``write=False`` it may be read at any time, also beside a
    run. Writes outside :meth:`batch` are committed at once.

    ``fresh``: the database is new and not every file was handled since, so the bucket may hold files that it does not
    know. ``repaired`` reports a damaged database that was set aside.
    """

    def __init__(self, folder: Path, write: bool = True) -> None:
        self._file = folder / FILE
        self._mutex = threading.RLock()
        self.repaired: str | None = None
        if not write:
            self._db = open_to_read(self._file)
        else:
            self._db, new, self.repaired = open_to_write(folder)
            if new:
                self.set("fresh", "yes")
            clock.at_least(self, time.time(), 0)  # each run records it, so that the next one notices a set clock
        self.fresh = self.get("fresh") is not None
        self._begun = set(self._each("SELECT bucket, path FROM pending"))
        """Files with a pending row, so that a query for the many others need not wait for SQLite."""

    def close(self) -> None:
        """Close the database."""
        with sqlite_words(self._file):
            self._db.close()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A transaction: one write to the disk for many results, rolled back if it raises. Other threads' writes wait
        meanwhile, so keep it short. The iterators below do not see its writes until it ends.
        """
        with self._mutex, sqlite_words(self._file):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            begun = set(self._begun)
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._begun |= begun
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")
                raise

    # --- small facts --------------------------------------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """A small fact kept by :meth:`set`."""
        row = self._one("SELECT value FROM meta WHERE name = ?", name)
        return str(row[0]) if row else None

    def set(self, name: str, value: str | None) -> None:
        """Keep a small fact over runs; None forgets it."""
        if value is None:
            self._do("DELETE FROM meta WHERE name = ?", name)
        else:
            self._do("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def caught_up(self) -> None:
        """Record that every file was handled: the bucket holds no uploads that are unknown here."""
        if self.fresh:
            self.set("fresh", None)
            self.fresh = False

    # --- known files --------------------------------------------------------------------------------------------------

    def known(self, bucket: str, file: File) -> str | None:
        """What is known of exactly this file: ``brought`` (uploaded), the reason why it is skipped, or None."""
        folder, name = os.path.split(file.raw)
        row = self._one(
            "SELECT what FROM known JOIN directory ON id = dir "
            "WHERE bucket = ? AND path = ? AND name = ? AND size = ? AND mtime_ns = ?",
            bucket, folder, name, file.size, file.mtime_ns,
        )  # fmt: skip
        return self.reason(row[0]) if row else None

    def key(self, bucket: str, raw: bytes) -> str | None:
        """The key of the file at a path, None if it is not uploaded."""
        row = self._one(
            "SELECT key FROM brought JOIN directory d ON d.id = dir WHERE bucket = ? AND path = ? AND name = ? "
            "AND gone IS NULL",
            bucket, *os.path.split(raw),
        )  # fmt: skip
        return str(row[0]) if row else None

    def remember(self, bucket: str, file: File, s3_object: S3Object, about: About | None = None) -> None:
        """Record that a file was uploaded, which ends its pending, restless and failed rows. An earlier file at its
        path is kept as overwritten."""
        about = about or About()
        folder, name = os.path.split(file.raw)
        now = time.time()
        with self.batch():
            where = self._directory(bucket, folder)
            self._know(where, name, file, 0)
            self._do(
                "UPDATE brought SET gone = 'overwritten', gone_at = ? WHERE dir = ? AND name = ? AND gone IS NULL "
                "AND sha256 <> ?",
                now, where, name, s3_object.sha256,
            )  # fmt: skip
            self._do("DELETE FROM brought WHERE dir = ? AND name = ? AND gone IS NULL", where, name)
            self._do(
                f"INSERT INTO brought (dir, name, size, mtime_ns, at, {_OBJECT}, {_ABOUT}) "
                f"VALUES (?, ?, ?, ?, ?, {', '.join('?' * (len(fields(S3Object)) + len(fields(About))))})",
                where, name, file.size, file.mtime_ns, now, *_values(s3_object), *_values(about),
            )  # fmt: skip
            self.end(bucket, file)
            self._do("DELETE FROM restless WHERE path = ?", file.raw)
            self._do("DELETE FROM failed WHERE path = ?", file.raw)

    def skip(self, bucket: str, skips: Collection[tuple[File, str]]) -> None:
        """Record that files are skipped, each for a reason, so that they are not opened again while they and the rules
        stay the same."""
        with self.batch():
            directory, number = cache(partial(self._directory, bucket)), cache(self._number)
            rows = []
            for file, reason in skips:
                folder, name = os.path.split(file.raw)
                rows.append((directory(folder), name, file.size, file.mtime_ns, number(reason)))
            self._do_all("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?)", rows)
            for table in ("restless", "failed"):
                self._do_all(f"DELETE FROM {table} WHERE path = ?", ((file.raw,) for file, _ in skips))

    def forget(self, path: Path, bucket: str | None = None) -> int:
        """Forget a file, or all files below a folder, in one bucket or all: the next run treats them as new, hashes
        them and finds them in the bucket. Returns how many were known. The custody log is not changed."""
        raw = os.fsencode(path)
        folder, name = os.path.split(raw)
        known = 0
        with self.batch():
            for table in ("known", "brought"):
                known = max(known, self._do(
                    f"DELETE FROM {table} WHERE dir IN (SELECT id FROM directory WHERE path = ? AND {_BUCKET}) "
                    "AND name = ?", folder, bucket, bucket, name,
                ) + self._do(
                    f"DELETE FROM {table} WHERE dir IN (SELECT id FROM directory WHERE {_BELOW} AND {_BUCKET})",
                    *_below(raw), bucket, bucket,
                ))  # fmt: skip
            for table in ("failed", "restless"):
                self._do(f"DELETE FROM {table} WHERE {_BELOW}", *_below(raw))
        return known

    def removed(self, entry: Entry) -> None:
        """Record that we removed an uploaded file from the card; its row stays as history."""
        folder, name = os.path.split(entry.raw)
        with self.batch():
            where = self._directory(entry.bucket, folder)
            self._do("DELETE FROM known WHERE dir = ? AND name = ? AND what = 0", where, name)
            self._do(
                "UPDATE brought SET gone = 'removed', gone_at = ? WHERE dir = ? AND name = ? AND gone IS NULL",
                time.time(), where, name,
            )  # fmt: skip

    # --- for find -----------------------------------------------------------------------------------------------------

    @contextmanager
    def lookup(self, bucket: str) -> Iterator[Callable[[bytes], Iterator[Row]]]:
        """Inside, a function from a directory (absolute, in bytes) to its known files, ordered by name."""
        with self._reader() as db:

            def rows(directory: bytes) -> Iterator[Row]:
                where = db.execute("SELECT id FROM directory WHERE bucket = ? AND path = ?", (bucket, directory))
                return db.execute("SELECT name, size, mtime_ns, what FROM known WHERE dir = ? ORDER BY name",
                                  where.fetchone() or (None,))  # fmt: skip

            yield rows

    def reason(self, what: int) -> str:
        """The meaning of a :data:`Row`'s last number: ``brought`` (uploaded) or why it is skipped."""
        row = self._one("SELECT text FROM reason WHERE id = ?", what) if what else None
        return str(row[0]) if row else UPLOADED

    def any_below(self, bucket: str, directory: bytes) -> bool:
        """Whether any file in or below a directory is known."""
        return self._one(
            f"SELECT 1 FROM known JOIN directory ON id = dir WHERE {_BELOW} AND bucket = ? LIMIT 1",
            *_below(directory), bucket,
        ) is not None  # fmt: skip

    def reconsider(self, bucket: str, directory: bytes, policy: str) -> None:
        """Forget which files were skipped below a configured folder if the rules have changed."""
        row = self._one("SELECT policy FROM directory WHERE bucket = ? AND path = ?", bucket, directory)
        if row == (policy,):
            return
        with self.batch():
            where = self._directory(bucket, directory)
            self._do(
                f"DELETE FROM known WHERE what > 0 AND dir IN (SELECT id FROM directory WHERE {_BELOW} "
                "AND bucket = ?)",
                *_below(directory), bucket,
            )  # fmt: skip
            self._do("UPDATE directory SET policy = ? WHERE id = ?", policy, where)

    # --- files that wait ----------------------------------------------------------------------------------------------

    def quiet_for(self, file: File, boot: str, uptime: float) -> float:
        """For how many seconds a file has had this size and time, 0.0 at first sight. ``uptime`` is a clock that nobody
        can set, counting since ``boot``; after a reboot the observation starts over."""
        row = self._one("SELECT size, mtime_ns, boot, since FROM restless WHERE path = ?", file.raw)
        if row and row[:3] == (file.size, file.mtime_ns, boot) and row[3] <= uptime:
            return float(uptime - row[3])
        self._do(
            "INSERT OR REPLACE INTO restless VALUES (?, ?, ?, ?, ?)",
            file.raw, file.size, file.mtime_ns, boot, uptime,
        )  # fmt: skip
        return 0.0

    def failed(self, path: Path, reason: str) -> None:
        """Record a failure; the file stays unknown, so it is retried."""
        self._do(
            "INSERT INTO failed VALUES (?, ?, 1, ?) ON CONFLICT (path) DO UPDATE SET reason = excluded.reason, "
            "times = times + 1, at = excluded.at",
            os.fsencode(path), reason, time.time(),
        )  # fmt: skip

    def failure(self, file: File) -> Failure | None:
        """How often a file failed since it last succeeded."""
        row = self._one("SELECT path, reason, times, at FROM failed WHERE path = ?", file.raw)
        return _failure(*row) if row else None

    def tidy(self) -> None:
        """Forget failed and restless rows of files that are gone for good, not of a card that is out of its reader."""
        for table in ("failed", "restless"):
            gone = [row for row in self._each(f"SELECT path FROM {table}") if _gone(row[0])]
            with self.batch():
                for row in gone:
                    self._do(f"DELETE FROM {table} WHERE path = ?", *row)

    # --- uploads under way --------------------------------------------------------------------------------------------

    def pending(self, bucket: str, file: File) -> Pending | None:
        """The unfinished upload of exactly this file."""
        if (bucket, file.raw) not in self._begun:
            return None
        row = self._one(
            "SELECT key, upload, digest FROM pending WHERE bucket = ? AND path = ? AND size = ? AND mtime_ns = ?",
            bucket, file.raw, file.size, file.mtime_ns,
        )  # fmt: skip
        return Pending(row[0], row[1], _unpack(row[2])) if row else None

    def begin(self, bucket: str, file: File, pending: Pending) -> None:
        """Record an upload before its first byte is sent; again when its id is known."""
        self._begun.add((bucket, file.raw))
        self._do(
            "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)",
            bucket, file.raw, file.size, file.mtime_ns, pending.key, pending.upload, _pack(pending.digest),
        )  # fmt: skip

    def end(self, bucket: str, file: File) -> None:
        """Record that no upload of this file is in progress any more."""
        self._begun.discard((bucket, file.raw))
        self._do(
            "DELETE FROM pending WHERE bucket = ? AND path = ? AND size = ? AND mtime_ns = ?",
            bucket, file.raw, file.size, file.mtime_ns,
        )  # fmt: skip

    def stale(self, bucket: str) -> Iterator[Stale]:
        """Unfinished uploads of files that are gone or changed. A card that is out of its reader is not gone."""
        for row in self._each("SELECT path, size, mtime_ns, key, upload FROM pending WHERE bucket = ?", bucket):
            if _gone(row[0]) or _changed(*row[:3]):
                yield Stale(*row)

    def begun(self, below: Path) -> Iterator[tuple[str, Stale]]:
        """All unfinished uploads of a file, or of the files below a folder, as (bucket, upload)."""
        for row in self._each(
            f"SELECT bucket, path, size, mtime_ns, key, upload FROM pending WHERE {_BELOW}",
            *_below(os.fsencode(below)),
        ):  # fmt: skip
            yield row[0], Stale(*row[1:])

    # --- what status, verify, retain and forecast read ----------------------------------------------------------------

    def entries(
        self, bucket: str | None = None, below: Path | None = None, since: float | None = None, gone: bool = False
    ) -> Iterator[Entry]:
        """Uploaded files, the oldest modification time first, one at a time from a snapshot, which later
        writes do not change. Only of one bucket, of a path or below it, modified at or after ``since`` (seconds since
        1970); with ``gone`` also those known to be no longer at their path."""
        where, values = ["1"], list[Any]()
        if bucket is not None:
            where, values = [*where, "bucket = ?"], [*values, bucket]
        if below is not None:
            raw = os.fsencode(below)
            where.append(f"({_BELOW} OR path = ? AND name = ?)")
            values += [*_below(raw), *os.path.split(raw)]
        if since is not None:
            where, values = [*where, "mtime_ns >= ?"], [*values, int(since * 1e9)]
        if not gone:
            where.append("gone IS NULL")
        for row in self._each(
            f"SELECT bucket, path, name, size, mtime_ns, at, gone, gone_at, {_OBJECT}, {_ABOUT} "
            f"FROM brought b JOIN directory d ON d.id = dir WHERE {' AND '.join(where)} ORDER BY mtime_ns, b.id",
            *values,
        ):
            yield _entry(*row)

    def skips(self, bucket: str | None = None) -> Iterator[tuple[Path, str]]:
        """Files that are not uploaded, and why, by path."""
        for path, name, text in self._each(
            "SELECT path, name, text FROM known JOIN directory d ON d.id = dir JOIN reason r ON r.id = what "
            f"WHERE {_BUCKET} ORDER BY path, name",
            bucket, bucket,
        ):  # fmt: skip
            yield Path(os.fsdecode(os.path.join(path, name))), text

    def sample(self, files: int, size: int, seconds: float) -> None:
        """Record the throughput of a run for rates and forecasts, for the last :data:`SAMPLES` runs."""
        with self.batch():
            self._do("INSERT INTO sample (at, files, bytes, seconds) VALUES (?, ?, ?, ?)",
                     time.time(), files, size, seconds)  # fmt: skip
            self._do("DELETE FROM sample WHERE id <= (SELECT max(id) FROM sample) - ?", SAMPLES)

    def samples(self) -> list[Sample]:
        """The last runs that sent something, the latest first."""
        return [Sample(*row) for row in self._each("SELECT at, files, bytes, seconds FROM sample ORDER BY id DESC")]

    def status(self) -> Status:
        """Totals; takes some 0.1 s for 100,000 files."""
        totals = [
            Total(*row)
            for row in self._each(
                "SELECT bucket, recording, count(*), sum(size) FROM brought b JOIN directory d ON d.id = dir "
                "GROUP BY bucket, recording ORDER BY bucket, recording"
            )
        ]
        skipped = self._each("SELECT text, count(*) FROM known JOIN reason ON id = what GROUP BY text ORDER BY text")
        failed = self._each("SELECT path, reason, times, at FROM failed ORDER BY at DESC LIMIT 20")
        last, restless, pending, failures = self._one(
            "SELECT (SELECT max(at) FROM brought), (SELECT count(*) FROM restless), (SELECT count(*) FROM pending), "
            "(SELECT count(*) FROM failed)"
        ) or (None, 0, 0, 0)
        return Status(
            sum(t.files for t in totals), sum(t.bytes for t in totals), last, totals, dict(skipped),
            restless, pending, failures, [_failure(*row) for row in failed],
        )  # fmt: skip

    # --- SQL ----------------------------------------------------------------------------------------------------------

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        with self._mutex, sqlite_words(self._file):
            row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
            return row

    def _do(self, sql: str, *values: Any) -> int:
        with self._mutex, sqlite_words(self._file):
            return self._db.execute(sql, values).rowcount

    def _do_all(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._mutex, sqlite_words(self._file):
            self._db.executemany(sql, rows)

    def _each(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with self._reader() as db:
            yield from db.execute(sql, values)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A separate connection: reading blocks no writer and sees no later writes."""
        with sqlite_words(self._file), closing(open_to_read(self._file)) as db:
            yield db

    def _directory(self, bucket: str, path: bytes) -> int:
        self._do("INSERT OR IGNORE INTO directory (bucket, path) VALUES (?, ?)", bucket, path)
        row = self._one("SELECT id FROM directory WHERE bucket = ? AND path = ?", bucket, path)
        assert row is not None
        return int(row[0])

    def _number(self, reason: str) -> int:
        """The number of a reason in a :data:`Row`."""
        self._do("INSERT OR IGNORE INTO reason (text) VALUES (?)", reason)
        row = self._one("SELECT id FROM reason WHERE text = ?", reason)
        assert row is not None
        return int(row[0])

    def _know(self, directory: int, name: bytes, file: File, what: int) -> None:
        self._do("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?)", directory, name, file.size, file.mtime_ns, what)


_OBJECT = ", ".join(f.name for f in fields(S3Object))
_ABOUT = ", ".join({"group": "moment"}.get(f.name, f.name) for f in fields(About))  # GROUP is an SQL keyword
_BUCKET = "(? IS NULL OR bucket = ?)"
_BELOW = "(path = ? OR path > ? AND path < ?)"


def _below(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """For :data:`_BELOW`: a path itself, and all that begin with it and a slash ("0" follows "/")."""
    return raw, raw.rstrip(b"/") + b"/", raw.rstrip(b"/") + b"0"


def _values(record: S3Object | About) -> list[Any]:
    return [getattr(record, f.name) for f in fields(record)]


def _entry(bucket: str, path: bytes, name: bytes, size: int, mtime_ns: int, at: float, gone: str | None,
           gone_at: float | None, *rest: Any) -> Entry:  # fmt: skip
    split = len(fields(S3Object))
    about = [*rest[split:-1], bool(rest[-1])]  # sidecar: SQLite has no truth values
    raw = os.path.join(path, name)
    return Entry(bucket, raw, size, mtime_ns, S3Object(*rest[:split]), About(*about), at, gone, gone_at)


def _failure(path: bytes, reason: str, times: int, at: float) -> Failure:
    return Failure(os.fsdecode(path), reason, times, at)


def _gone(raw: bytes) -> bool:
    """Whether a file was removed, rather than its card pulled out: others are still where it was."""
    if os.path.lexists(raw):
        return False
    try:
        with os.scandir(os.path.dirname(raw)) as left:
            return next(left, None) is not None
    except OSError:
        return False


def _changed(raw: bytes, size: int, mtime_ns: int) -> bool:
    try:
        status = os.stat(raw, follow_symlinks=False)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) != (size, mtime_ns)


_HEAD = struct.Struct(">QQ32s8s")


def _pack(digest: Digest) -> bytes:
    """A digest in 56 bytes and 8 for each part: 80 kB for the 10,000 parts of the largest object."""
    head = _HEAD.pack(digest.size, digest.part_size, bytes.fromhex(digest.sha256), base64.b64decode(digest.crc64nvme))
    return head + b"".join(map(base64.b64decode, digest.parts))


def _unpack(packed: bytes) -> Digest:
    from impp_edge.digest import Digest  # loads the checksum library, which an idle run does not need

    size, part_size, sha256, crc64nvme = _HEAD.unpack_from(packed)
    parts = (packed[at : at + 8] for at in range(_HEAD.size, len(packed), 8))
    return Digest(size, sha256.hex(), _text(crc64nvme), part_size, tuple(map(_text, parts)))


def _text(crc: bytes) -> str:
    return base64.b64encode(crc).decode()
