"""What was brought already: a SQLite file beside a lock, so that no file is read twice and no two runs collide.

The database is a memory, not the truth. Were it lost, every file would be hashed once more, found in the bucket with an
equal checksum, and remembered again: nothing is lost by that and nothing doubled.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from impp_edge.find import Found

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS brought (
    bucket TEXT NOT NULL,
    path BLOB NOT NULL,       -- absolute, in the file system's own bytes
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    version TEXT,
    sha256 TEXT NOT NULL,
    crc64nvme TEXT NOT NULL,
    brought_at REAL NOT NULL,
    PRIMARY KEY (bucket, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS restless (      -- files seen changing: since when they are quiet by our clock
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    since REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failed (
    path BLOB PRIMARY KEY,
    reason TEXT NOT NULL,
    times INTEGER NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
"""


class Locked(Exception):
    """Another run holds the lock."""


class StateError(Exception):
    """The state cannot be kept; the text says why."""


@dataclass(frozen=True)
class Brought:
    """Where a file went: ``version`` None in a bucket without versions."""

    key: str
    version: str | None
    sha256: str
    crc64nvme: str


@dataclass(frozen=True)
class Status:
    """What ``impp-edge status`` shows; ``last`` in seconds since 1970, failures as (path, reason, times)."""

    files: int
    bytes: int
    last: float | None
    restless: int
    failed: list[tuple[str, str, int]]


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the one run of this state folder. Raises :class:`Locked`; the system frees it when the process dies."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Locked(f"another run holds {folder / 'lock'}") from error
        yield
    finally:
        os.close(handle)


class State:
    """The memory of one state folder. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(
                folder / "state.sqlite3", check_same_thread=False, timeout=30, isolation_level=None
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # a power cut costs the last entries, which is no loss
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA):
                raise StateError(f"{folder}: written by another version of impp-edge (schema {version})")
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA user_version={SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"{folder / 'state.sqlite3'}: {error}; remove the file to have it made anew") from error
        self._mutex = threading.Lock()

    def close(self) -> None:
        """Write all that is pending and close."""
        self._db.close()

    def known(self, bucket: str, found: Found) -> bool:
        """Whether this very file (path, size, time) was brought to this bucket."""
        with self._mutex:
            row = self._db.execute(
                "SELECT size, mtime_ns FROM brought WHERE bucket = ? AND path = ?", (bucket, _path(found.path))
            ).fetchone()
        return bool(row == (found.size, found.mtime_ns))

    def remember(self, bucket: str, found: Found, brought: Brought) -> None:
        """Note that a file was brought; it is neither restless nor failed any more."""
        path = _path(found.path)
        where = (bucket, path, found.size, found.mtime_ns)
        what = (brought.key, brought.version, brought.sha256, brought.crc64nvme, time.time())
        with self._mutex, self._db:
            self._db.execute("BEGIN")
            self._db.execute("INSERT OR REPLACE INTO brought VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", where + what)
            self._db.execute("DELETE FROM restless WHERE path = ?", (path,))
            self._db.execute("DELETE FROM failed WHERE path = ?", (path,))

    def quiet_since(self, found: Found, now: float) -> float:
        """Since when, by our clock, a file has had this size and time; noted as of now if that is new."""
        path = _path(found.path)
        with self._mutex:
            row = self._db.execute("SELECT size, mtime_ns, since FROM restless WHERE path = ?", (path,)).fetchone()
            if row and row[:2] == (found.size, found.mtime_ns) and row[2] <= now:
                return float(row[2])
            self._db.execute(
                "INSERT OR REPLACE INTO restless VALUES (?, ?, ?, ?)", (path, found.size, found.mtime_ns, now)
            )
        return now

    def failed(self, path: Path, reason: str) -> None:
        """Note a failure; it is tried again in the next run."""
        with self._mutex:
            self._db.execute(
                "INSERT INTO failed VALUES (?, ?, 1, ?) ON CONFLICT (path) DO UPDATE SET reason = excluded.reason, "
                "times = times + 1, at = excluded.at",
                (_path(path), reason, time.time()),
            )

    def status(self) -> Status:
        """Counts and the failures that are still open, the latest first."""
        with self._mutex:
            files, size, last = self._db.execute(
                "SELECT count(*), coalesce(sum(size), 0), max(brought_at) FROM brought"
            ).fetchone()
            restless = self._db.execute("SELECT count(*) FROM restless").fetchone()[0]
            failed = self._db.execute("SELECT path, reason, times FROM failed ORDER BY at DESC LIMIT 20").fetchall()
        return Status(files, size, last, restless, [(os.fsdecode(p), reason, times) for p, reason, times in failed])


def _path(path: Path) -> bytes:
    return os.fsencode(path)
