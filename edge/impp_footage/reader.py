"""The one way in which this package reads a file: by ranges, of a local file or of an object over the network."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` returns up to ``size`` bytes from ``offset``, fewer at the end of the file."""


class RangeReader(NamedTuple):
    """A file of ``size`` bytes. Each call of ``read`` may be a request, so ask for few and small ranges."""

    read: Read
    size: int


def of_file(file: BinaryIO, size: int | None = None) -> RangeReader:
    """A reader of an open file, of ``size`` bytes (default: all of it). It moves the file's position."""

    def read(offset: int, size: int) -> bytes:
        file.seek(offset)
        return file.read(size)

    return RangeReader(read, file.seek(0, io.SEEK_END) if size is None else size)
