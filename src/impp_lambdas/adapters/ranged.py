"""A read-only file over ranged requests: a demuxer can seek in a 100 GB object and read only what it needs.

Blocks are kept in an LRU cache, which bounds the memory. A sequential reader gets more blocks per request, doubling up
to :data:`READ_AHEAD`; a seek fetches one block only.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from impp_lambdas.adapters import s3

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 256 * 1024
"""Bytes per block: about one keyframe of 1080p H.264, so that a seek costs one or two requests."""
READ_AHEAD = 16
"""Most blocks per request (4 MiB)."""
CACHE_BLOCKS = 256
"""Blocks in the cache (64 MiB)."""

Fetch = Callable[[int, int], bytes]
"""`fetch(first, last)` returns the bytes `first` to `last`, both inclusive as in an HTTP Range."""


def open_object(bucket: str, key: str, version: str | None, size: int) -> RangedFile:
    """Open an S3 object of a known size."""
    return RangedFile(lambda first, last: s3.read_range(bucket, key, version, first, last - first + 1), size)


class RangedFile(io.RawIOBase):
    """`size` bytes behind `fetch`. Raises what `fetch` raises, and `EOFError` if it returns too few bytes."""

    def __init__(self, fetch: Fetch, size: int, *, block: int = BLOCK, cache_blocks: int = CACHE_BLOCKS) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._block = block
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._capacity = max(cache_blocks, 2 * READ_AHEAD)
        self._position = 0
        self._next_block = -1
        self._ahead = 1
        self.fetches = 0
        self.bytes_fetched = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek before the start: {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position))
        done = 0
        while done < count:
            index, start = divmod(self._position, self._block)
            piece = self._get(index)[start : start + count - done]
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return count

    def _get(self, index: int) -> bytes:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        self._ahead = min(2 * self._ahead, READ_AHEAD) if index == self._next_block else 1
        first = index * self._block
        last = min(first + self._ahead * self._block, self._size) - 1
        data = self._fetch(first, last)
        if len(data) != last - first + 1:
            raise EOFError(f"requested bytes {first}-{last}, received {len(data)} bytes")
        self.fetches += 1
        self.bytes_fetched += len(data)
        for offset in range(0, len(data), self._block):
            self._cache[index + offset // self._block] = data[offset : offset + self._block]
        self._next_block = index + -(-len(data) // self._block)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        return self._cache[index]
