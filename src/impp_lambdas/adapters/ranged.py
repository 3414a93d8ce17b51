"""A read-only file over ranged fetches, so that a demuxer can seek in a 100 GB object and read only what it needs.

Blocks are cached (least recently used goes first). A reader that moves forward block by block gets more of them in one
fetch, doubling up to :data:`READ_AHEAD`; a reader that jumps pays for one block only. Memory is bounded by the cache.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 256 * 1024
"""Bytes of one block: about one keyframe of 1080p H.264, so that a jump costs one or two fetches."""
READ_AHEAD = 16
"""Most blocks in one fetch (4 MiB)."""
CACHE_BLOCKS = 256
"""Blocks kept (64 MiB)."""

Fetch = Callable[[int, int], bytes]
"""``fetch(first, last)`` returns the bytes ``first..last``, both inclusive as in an HTTP Range."""


class RangedFile(io.RawIOBase):
    """``size`` bytes behind ``fetch``. Raises what ``fetch`` raises; :class:`EOFError` when it returns too little."""

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
            raise EOFError(f"asked for bytes {first}-{last}, got {len(data)}")
        self.fetches += 1
        self.bytes_fetched += len(data)
        for offset in range(0, len(data), self._block):
            self._cache[index + offset // self._block] = data[offset : offset + self._block]
        self._next_block = index + -(-len(data) // self._block)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        return self._cache[index]
