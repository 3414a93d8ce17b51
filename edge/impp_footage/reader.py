"""The one way in which this package reads a file: by ranges, of a local file or of an object over the network."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` returns up to ``size`` bytes from ``offset``, fewer at the end of the file."""


class BudgetExceeded(Exception):
    """A file makes its readers ask for more than its budget: no camera's file does."""


@dataclass
class Budget:
    """What may still be read of one file, by all its readers together: ``reads``, and ``size`` bytes."""

    reads: int
    size: int

    def spend(self, size: int) -> None:
        """Account for one read of up to ``size`` bytes. Raises :class:`BudgetExceeded`."""
        self.reads -= 1
        self.size -= size
        if self.reads < 0:
            raise BudgetExceeded("it needs more reads than its size allows")
        if self.size < 0:
            raise BudgetExceeded("it needs more bytes than its size allows, because parts are read again and again")


class RangeReader(NamedTuple):
    """A file of ``size`` bytes. Each call of ``read`` may be a request, so ask for few and small ranges."""

    read: Read
    size: int


def within(file: RangeReader, budget: Budget) -> RangeReader:
    """A reader of the same file that raises :class:`BudgetExceeded` when the budget is used up."""

    def read(offset: int, size: int) -> bytes:
        budget.spend(max(0, min(size, file.size - offset)))
        return file.read(offset, size)

    return RangeReader(read, file.size)


def of_file(file: BinaryIO, size: int | None = None) -> RangeReader:
    """A reader of an open file, of ``size`` bytes (default: all of it). It moves the file's position."""

    def read(offset: int, size: int) -> bytes:
        file.seek(offset)
        return file.read(size)

    return RangeReader(read, file.seek(0, io.SEEK_END) if size is None else size)
