"""The state's SQLite file: one run at a time writes it, and a damaged one is set aside and rebuilt.

After a clean exit the file is sound, and opening it takes a millisecond; after a power cut it is checked as a whole;
damage that a run meets is marked by a file beside it, so that the next run begins with a new database.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

SCHEMA = 2
FILE = "state.sqlite3"
KEPT = 3
"""How many damaged databases are kept for inspection."""
FULL_BYTES = 1024 * 1024
"""With less free space than this, any I/O error counts as a full disk."""
_BUSY_S = 30.0

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE reason (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);  -- why files are skipped; 0 stands for brought
CREATE TABLE directory (
    id INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL,
    path BLOB NOT NULL,       -- absolute, in the file system's own bytes
    policy TEXT,              -- by which rules its files, and those below, were skipped
    UNIQUE (bucket, path)
);
CREATE TABLE known (          -- narrow: a run over 100,000 known files reads nothing else
    dir INTEGER NOT NULL,
    name BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    what INTEGER NOT NULL,    -- 0: brought, else the reason why it is skipped
    PRIMARY KEY (dir, name)
) WITHOUT ROWID;
CREATE TABLE brought (        -- wide: what retain, verify and status ask for; rows of files that are gone stay
    id INTEGER PRIMARY KEY,
    dir INTEGER NOT NULL,
    name BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    version TEXT,
    sha256 TEXT NOT NULL,
    crc64nvme TEXT NOT NULL,
    etag TEXT,
    at REAL NOT NULL,
    source TEXT, device TEXT, camera TEXT, recording TEXT, captured TEXT, moment TEXT, truncated TEXT,
    sidecar INTEGER NOT NULL DEFAULT 0,
    gone TEXT,                -- NULL, removed or overwritten
    gone_at REAL
);
CREATE UNIQUE INDEX brought_here ON brought (dir, name) WHERE gone IS NULL;
CREATE TABLE restless (       -- files seen changing, and since when they are quiet: seconds of uptime, of which boot
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    since REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE failed (
    path BLOB PRIMARY KEY,
    reason TEXT NOT NULL,
    times INTEGER NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (        -- uploads that were begun
    bucket TEXT NOT NULL,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    upload TEXT,
    digest BLOB NOT NULL,
    PRIMARY KEY (bucket, path, size, mtime_ns)
);
CREATE TABLE sample (id INTEGER PRIMARY KEY, at REAL NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    seconds REAL NOT NULL);
"""


class Locked(Exception):
    """Another run holds the lock; the text names its process."""


class StateError(Exception):
    """The state cannot be read or written; the text says why and what to do."""


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock of this state folder. Raises :class:`Locked`, and :class:`StateError` if it cannot be locked; the
    system releases the lock when the process dies."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(_refusal(folder, error)) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 20, 0).strip()
            who = f"another run (process {int(holder)})" if holder.isdigit() else "another run"
            raise Locked(f"{who} holds {folder / 'lock'}") from error
        except OSError as error:  # a file system without locks
            raise StateError(_refusal(folder / "lock", error)) from error
        with suppress(OSError):  # the process id is optional: a full disk must not prevent the lock
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def open_to_write(folder: Path) -> tuple[sqlite3.Connection, bool, str | None]:
    """The database, whether it is new, and a message if a damaged one was set aside. Hold :func:`lock` meanwhile.

    Raises :class:`StateError`.
    """
    file = folder / FILE
    with plain_words(file):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        damage = "it was found damaged by the last run" if _mark(file).exists() else None
        if not damage:
            try:
                return *_open(file), None
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                damage = str(error)
        aside = _set_aside(file)
        return *_open(file), f"{file} was damaged ({damage}) and is rebuilt from the bucket; kept as {aside.name}"


def open_to_read(file: Path) -> sqlite3.Connection:
    """A connection that sees the last committed state and blocks no writer. Raises :class:`StateError`."""
    with plain_words(file):
        if not file.exists():
            raise StateError(f"{file.parent}: nothing was uploaded with this state")
        db = _connect(file, "ro")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA:
            db.close()
            raise StateError(f"{file}: {_other_version(version)}")
        return db


@contextmanager
def plain_words(file: Path) -> Iterator[None]:
    """Turn errors of SQLite and the system into :class:`StateError`, and mark damage for the next run."""
    try:
        with sqlite_words(file):
            yield
    except OSError as error:
        raise StateError(_refusal(file, error)) from error


@contextmanager
def sqlite_words(file: Path) -> Iterator[None]:
    """As :func:`plain_words`, but pass on the system's errors, which are about other files."""
    try:
        yield
    except sqlite3.Error as error:
        if not _is_damage(error):
            raise StateError(_refusal(file, error)) from error
        with suppress(OSError):
            _mark(file).touch()
        text = f"{file} is damaged ({error}): run again, and it is rebuilt from the bucket; nothing is lost"
        raise StateError(text) from error


def _open(file: Path) -> tuple[sqlite3.Connection, bool]:
    left_behind = file.with_name(f"{FILE}-wal").exists()  # a clean exit removes it
    db = _connect(file, "rwc")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if left_behind and (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _damage(str(verdict))
        if db.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
            raise StateError(f"{file}: SQLite cannot share memory on this file system; set `state` to a local folder")
        db.execute("PRAGMA synchronous=NORMAL")  # a power cut costs the last entries, which is no loss
        if version == 0:
            if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                raise _damage("tables without a version")
            db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={SCHEMA}; COMMIT;")
        elif version == 1:
            _migrate(db)
        elif version != SCHEMA:
            raise StateError(f"{file}: {_other_version(version)}")
        return db, version == 0
    except BaseException:
        db.close()
        raise


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}",
        uri=True, check_same_thread=False, timeout=_BUSY_S, isolation_level=None,
    )  # fmt: skip


def _migrate(db: sqlite3.Connection) -> None:
    """Migrate from schema 1, which had one wide row per file; files still being written are observed again."""
    db.create_function("folder", 1, os.path.dirname, deterministic=True)
    db.create_function("file", 1, os.path.basename, deterministic=True)
    script = f"""
        BEGIN;
        ALTER TABLE brought RENAME TO brought_1;
        ALTER TABLE failed RENAME TO failed_1;
        DROP TABLE restless;
        {_TABLES}
        INSERT INTO directory (bucket, path) SELECT DISTINCT bucket, folder(path) FROM brought_1;
        INSERT INTO known SELECT d.id, file(b.path), size, mtime_ns, 0
            FROM brought_1 b JOIN directory d ON d.bucket = b.bucket AND d.path = folder(b.path);
        INSERT INTO brought (dir, name, size, mtime_ns, key, version, sha256, crc64nvme, at)
            SELECT d.id, file(b.path), size, mtime_ns, key, version, sha256, crc64nvme, brought_at
            FROM brought_1 b JOIN directory d ON d.bucket = b.bucket AND d.path = folder(b.path);
        INSERT INTO failed SELECT path, reason, times, at FROM failed_1;
        DROP TABLE brought_1;
        DROP TABLE failed_1;
        PRAGMA user_version={SCHEMA};
        COMMIT;
    """  # noqa: S608  # constants only
    db.executescript(script)


def _set_aside(file: Path) -> Path:
    """Move a damaged database and its companion files out of the way; returns the new path."""
    aside = file.with_name(f"{file.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).rename(f"{aside}{suffix}")
    _mark(file).unlink(missing_ok=True)
    for old in sorted(file.parent.glob(f"{file.name}.corrupt-*Z"))[:-KEPT]:
        for part in (old, Path(f"{old}-wal"), Path(f"{old}-shm")):
            part.unlink(missing_ok=True)
    return aside


def _mark(file: Path) -> Path:
    return file.with_name(f"{file.name}.damaged")


def _damage(text: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _code(error: BaseException) -> int:
    """SQLite's primary result code (the low byte, https://www.sqlite.org/rescode.html); 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _is_damage(error: BaseException) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _refusal(file: Path, error: BaseException) -> str:
    """Why a file cannot be read or written, and what to do."""
    full = _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT)
    if full or (_code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _no_room(file)):
        return f"{file}: the disk is full: free some space, then run again; nothing is lost"
    if _code(error) == sqlite3.SQLITE_READONLY or getattr(error, "errno", 0) in (
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
    ):
        return f"{file} cannot be written: give this user write permission, or set `state` to another folder"
    if _code(error) == sqlite3.SQLITE_CANTOPEN:
        return f"{file} cannot be opened: check the permissions of its folder, or set `state` to another one"
    if _code(error) == sqlite3.SQLITE_BUSY:
        return f"{file} is held by another program for more than {_BUSY_S:.0f} seconds: end it, then run again"
    words = getattr(error, "strerror", None) or str(error)
    if _code(error) == sqlite3.SQLITE_IOERR or getattr(error, "errno", 0) in (errno.EIO, errno.EFBIG):
        return f"{file}: {words}: see that its disk is sound and has room, then run again; nothing is lost"
    return f"{file}: {words}"


def _no_room(file: Path) -> bool:
    try:
        return shutil.disk_usage(file.parent).free < FULL_BYTES
    except OSError:
        return False


def _other_version(version: int) -> str:
    if version > SCHEMA:
        return f"written by a newer impp-edge (schema {version}): use that one, or set `state` to another folder"
    return f"written by an earlier impp-edge (schema {version}): the next `impp-edge sync` migrates it"
