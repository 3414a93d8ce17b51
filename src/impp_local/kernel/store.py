"""What the cloud keeps on disk: rows in an SQLite file, and the bytes of objects in files beside it.

    store = Store(folder)
    with store.changes():                        # all of it or nothing; on disk when the block ends
        store.put("dynamodb.item", "catalog/ASSET#1", item)
        store.delete("dynamodb.item", "catalog/ASSET#2")
    for key, item in store.rows("dynamodb.item"): ...

A service writes what it acknowledges before its answer leaves. What it can do again (a delivery, a job, an execution)
is a row as long as it is under way, and is taken up when the cloud starts again. One process uses a folder at a time.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
"""Of the rows and files; a change that an older or newer IMPP cannot read gets the next number."""

WRITTEN_BY: Final = f"{FORMAT}, moto {version('moto')}"
"""Rows hold moto's own objects, whose shape may change with its version."""

_LAST: Final = chr(0x10FFFF)
"""Greater than any character of a key, so that the index finds keys by their prefix."""


BLOBS: Final = "objects"
"""Folder of the files that rows name, see `kernel.blobs`."""


class StoreInUse(RuntimeError):
    """Another process uses the folder."""


class StoreUnreadable(RuntimeError):
    """The folder was written by an IMPP whose rows this one cannot read; the message says what to do."""


class Store:
    """Rows by kind and key; a value is any Python object that pickle can write.

    `durable` waits for the disk at each change, so that a power cut loses nothing either; without it, what a killed
    process had written is still there. Raises StoreInUse and StoreUnreadable.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.durable = durable
        make_private(folder)
        self._lock_file = _lock(folder / "lock")
        self._lock = threading.RLock()
        self._depth = 0
        self._afterwards: list[Callable[[], None]] = []
        try:
            self._rows = self._open()
        except BaseException:
            os.close(self._lock_file)
            raise

    def _open(self) -> sqlite3.Connection:
        rows = sqlite3.connect(self.folder / "rows.db", isolation_level=None, check_same_thread=False)
        rows.execute("PRAGMA journal_mode = WAL")
        rows.execute(f"PRAGMA synchronous = {'FULL' if self.durable else 'OFF'}")
        rows.execute("CREATE TABLE IF NOT EXISTS rows (kind TEXT, key TEXT, value BLOB, PRIMARY KEY (kind, key))")
        rows.execute("CREATE TABLE IF NOT EXISTS written_by (what TEXT)")
        writer = rows.execute("SELECT what FROM written_by").fetchone()
        if writer is None:
            rows.execute("INSERT INTO written_by VALUES (?)", (WRITTEN_BY,))
        elif writer[0] != WRITTEN_BY:
            rows.close()
            raise StoreUnreadable(
                f"{self.folder} is in format {writer[0]}; this IMPP reads format {WRITTEN_BY}. Check out the IMPP that"
                " wrote it and copy its objects out with `aws s3 sync`, or choose another folder with --state."
            )
        return rows

    def put(self, kind: str, key: str, value: Any) -> None:
        """Write a row, or replace it."""
        written = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._rows.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", (kind, key, written))

    def delete(self, kind: str, key: str) -> None:
        """Remove a row, if it is there."""
        with self._lock:
            self._rows.execute("DELETE FROM rows WHERE kind = ? AND key = ?", (kind, key))

    def delete_all(self, kind: str, prefix: str) -> None:
        """Remove all rows of a kind whose key begins with `prefix`."""
        with self._lock:
            self._rows.execute(
                "DELETE FROM rows WHERE kind = ? AND key >= ? AND key < ?", (kind, prefix, prefix + _LAST)
            )

    def get(self, kind: str, key: str) -> Any | None:
        """The value of a row; None when there is none."""
        with self._lock:
            row = self._rows.execute("SELECT value FROM rows WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return pickle.loads(row[0]) if row else None  # noqa: S301  # written by us, in a folder of the user's own

    def rows(self, kind: str, prefix: str = "") -> list[tuple[str, Any]]:
        """All rows of a kind whose key begins with `prefix`, by key."""
        with self._lock:
            listed = self._rows.execute(
                "SELECT key, value FROM rows WHERE kind = ? AND key >= ? AND key < ? ORDER BY key",
                (kind, prefix, prefix + _LAST),
            ).fetchall()
        return [(key, pickle.loads(value)) for key, value in listed]  # noqa: S301  # as above

    def has(self, kind: str) -> bool:
        """Whether there is any row of a kind."""
        with self._lock:
            return self._rows.execute("SELECT 1 FROM rows WHERE kind = ? LIMIT 1", (kind,)).fetchone() is not None

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Several changes as one: on disk together when the block ends, none of them when it raises. Nestable."""
        actions: list[Callable[[], None]] = []
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._rows.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._rows.execute("COMMIT")
                    actions = self._afterwards
            except BaseException:
                if self._depth == 1 and self._rows.in_transaction:
                    self._rows.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._afterwards = []
        for action in actions:
            action()

    def afterwards(self, action: Callable[[], None]) -> None:
        """Run `action` when the changes under way are on disk, now if there are none; not at all when they fail."""
        with self._lock:
            if self._depth:
                self._afterwards.append(action)
                return
        action()

    def close(self) -> None:
        """Release the folder. Safe to call twice."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self._rows.close()
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter, also when it is there already."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(PermissionError):  # a file system without modes, or another user's folder
        folder.chmod(0o700)


def erase(folder: Path) -> None:
    """Remove all rows and blobs of a folder, so that a cloud starts empty with it. Raises StoreInUse."""
    if not folder.exists():
        return
    lock_file = _lock(folder / "lock")
    try:
        for path in folder.glob("rows.db*"):
            path.unlink()
        shutil.rmtree(folder / BLOBS, ignore_errors=True)
    finally:
        os.close(lock_file)


def _lock(path: Path) -> int:
    """Take the folder's lock; the system gives it back when the process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreInUse(f"Another local cloud uses {path.parent}. Stop it, or choose another folder.") from None
    return descriptor
