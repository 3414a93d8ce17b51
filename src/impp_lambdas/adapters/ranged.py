"""A read-only file over ranged requests: a demuxer can seek in a 100 GB object and read only what it needs.

Blocks are kept in an LRU cache, which bounds the memory. A sequential reader gets more blocks per request, doubling up
to :data:`READ_AHEAD`; a seek fetches one block only.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from impp_footage.reader import Budget, BudgetExceeded
from impp_lambdas.adapters import s3
from impp_lambdas.core.media.bounds import REQUEST_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 256 * 1024
"""Bytes per block: about one keyframe of 1080p H.264, so that a seek costs one or two requests."""
READ_AHEAD = REQUEST_BYTES // BLOCK
"""Most blocks per request."""
CACHE_BLOCKS = 256
"""Blocks in the cache (64 MiB)."""

BASE_READS, BASE_BYTES = 2000, 256 * 2**20
"""Requests and bytes of any file. Sampling a clip takes some 500 requests, an hour of 4K about 1,500."""

Fetch = Callable[[int, int], bytes]
"""`fetch(first, last)` returns the bytes `first` to `last`, both inclusive as in an HTTP Range."""


def budget(size: int) -> Budget:
    """What one run of a function may read of an object, by all its parsers together: twice the object, and one request
    per two blocks, beyond what any file gets."""
    return Budget(BASE_READS + size // (2 * BLOCK), BASE_BYTES + 2 * size)


def open_object(bucket: str, key: str, version: str | None, size: int) -> RangedFile:
    """Open an S3 object of a known size, within its :func:`budget`."""
    fetch = lambda first, last: s3.read_range(bucket, key, version, first, last - first + 1)  # noqa: E731
    return RangedFile(fetch, size, budget=budget(size))


def open_original(event: Mapping[str, Any]) -> RangedFile:
    """Open the recording that a step's input is about: the original, or what of it precedes another recording."""
    facts = event["facts"]
    size = int(facts.get("further_at") or facts["bytes"])
    return open_object(event["bucket"], event["key"], event.get("version"), size)


class RangedFile(io.RawIOBase):
    """`size` bytes behind `fetch`. Raises what `fetch` raises, `EOFError` if it returns too few bytes, and
    :class:`~impp_footage.reader.BudgetExceeded`; `stopped` is then its text."""

    def __init__(
        self,
        fetch: Fetch,
        size: int,
        *,
        block: int = BLOCK,
        cache_blocks: int = CACHE_BLOCKS,
        budget: Budget | None = None,
    ) -> None:
        super().__init__()
        self._budget = budget
        self.size = size
        self.stopped: str | None = None
        self._fetch = fetch
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
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek before the start: {base + offset}")
        self._position = base + offset
        return self._position

    def read_at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`, fewer at the end."""
        self.seek(offset)
        return self.read(count)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self._position))
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
        last = min(first + self._ahead * self._block, self.size) - 1
        self._spend(last - first + 1)
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

    def _spend(self, count: int) -> None:
        if self._budget is None:
            return
        try:
            self._budget.spend(count)
        except BudgetExceeded as error:
            self.stopped = str(error)
            raise
