"""The bytes of objects: large ones in files of their own below `<state>/objects`, small ones in rows.

    blobs = Blobs(store)
    blob = blobs.create()
    blob.write(b"...")                           # a large one is in its file now
    with store.changes():
        blobs.keep(blob)                         # a small one is in its row now
        store.put("s3.object", name, ...)        # a row that names the blob: it lives as long as this row
    with blob.open() as file: ...

Nothing of it stays in memory or open. A file that no row names was written by a process that was killed before its row:
`sweep` removes it.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterable
from typing import BinaryIO, Final

from impp_local.kernel.store import BLOBS, Store

SMALL: Final = 4096
"""Bytes up to which a row is cheaper than a file: a file costs an inode, a block of 4 KiB and, durable, two more
waits for the disk."""
KIND: Final = "blob"


class Blobs:
    """The blobs of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.folder = store.folder / BLOBS
        self.folder.mkdir(exist_ok=True, mode=0o700)

    def create(self) -> Blob:
        """An empty blob."""
        return Blob(self, secrets.token_hex(16))

    def named(self, name: str, size: int) -> Blob:
        """A blob that was kept before."""
        blob = Blob(self, name)
        blob.size = size
        return blob

    def write_file(self, content: bytes) -> str:
        """Write the bytes of a large blob, and return its name; on disk when `store.durable`."""
        name = secrets.token_hex(16)
        self.append(name, content)
        return name

    def append(self, name: str, content: bytes) -> None:
        """Write bytes to the end of a blob's file; on disk when `store.durable`."""
        path = self.folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            left = memoryview(content)
            while left:
                left = left[file.write(left) :]
            if self.store.durable:
                os.fsync(descriptor)
                self._sync_folder()

    def keep(self, blob: Blob) -> None:
        """Write a small blob's row, in the transaction of the row that names it."""
        if blob.content is not None:
            self.store.put(KIND, blob.name, blob.content)

    def kept(self, blob: Blob) -> None:
        """The transaction is over: the row has the bytes."""
        blob.content = None

    def remove(self, names: Iterable[str]) -> None:
        """Remove the files of blobs that no row names; their rows go with `forget`."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def forget(self, blob: Blob) -> None:
        """Remove a small blob's row, in the transaction that removes the row that names it."""
        if blob.size <= SMALL:
            self.store.delete(KIND, blob.name)

    def sweep(self, named: set[str]) -> None:
        """Remove all files but those that rows name."""
        with os.scandir(self.folder) as entries:
            self.remove([entry.name for entry in entries if entry.name not in named])

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Blob:
    """Bytes that are read as a file, from wherever they lie. moto uses it like the temporary file that it would make.

    `content` holds a small blob's bytes until its row is written. Not thread-safe, except for `open`.
    """

    __slots__ = ("_at", "_blobs", "_expected", "content", "name", "size")

    def __init__(self, blobs: Blobs, name: str) -> None:
        self._blobs = blobs
        self._at = 0
        self._expected: tuple[bytes, str] | None = None
        self.name = name
        self.size = 0
        self.content: bytes | None = None

    @property
    def is_small(self) -> bool:
        """Whether its bytes lie in a row."""
        return self.size <= SMALL

    def open(self) -> BinaryIO:
        """The bytes as a file, from the start. Raises FileNotFoundError when the blob is gone."""
        if not self.is_small:
            return (self._blobs.folder / self.name).open("rb")
        content = self.content if self.content is not None else self._blobs.store.get(KIND, self.name)
        if content is None and self.size:
            raise FileNotFoundError(self.name)
        return io.BytesIO(content or b"")

    def write(self, content: bytes) -> int:
        """Append bytes."""
        expected, self._expected = self._expected, None
        if expected is not None and not self.size and content == expected[0]:
            self.name, self.size = expected[1], len(content)
            return len(content)
        was_small = self.is_small
        before = self.content or b""
        self.size += len(content)
        if self.is_small:
            self.content = before + content
        else:
            self._blobs.append(self.name, before + content if was_small else content)
            self.content = None
        return len(content)

    def expect(self, content: bytes, name: str) -> None:
        """Take over the file that `Blobs.write_file` wrote, when exactly its content is written first."""
        self._expected = (content, name)

    def truncate(self) -> None:
        """Forget all bytes: the file, if there is one, is removed with the blob that nothing names."""
        if self.size:
            self.name, self.size, self.content, self._at = secrets.token_hex(16), 0, None, 0

    def seek(self, position: int) -> None:
        """Read from here."""
        self._at = position

    def read(self, size: int = -1) -> bytes:
        """Bytes from the position on."""
        with self.open() as file:
            file.seek(self._at)
            content = file.read(size)
        self._at += len(content)
        return content

    def tell(self) -> int:
        """The position."""
        return self._at

    def close(self) -> None:
        """Nothing is open; the bytes live as long as the row that names them."""
