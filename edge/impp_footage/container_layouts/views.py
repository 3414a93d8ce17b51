"""Views of a file that leave out what lies before or behind a part of it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from impp_footage.container_layouts.layout import Point

SHORTEST_PADDING = 16
"""Bytes of the longest header of padding."""


class Overlaid(io.RawIOBase):
    """A file of which some bytes are replaced: `patches` by their offset."""

    def __init__(self, file: Any, patches: Mapping[int, bytes]) -> None:
        super().__init__()
        self._file, self._patches = file, patches

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: WriteableBuffer) -> int:
        at, view = self.tell(), memoryview(buffer).cast("B")
        data = bytearray(self._file.read(len(view)))
        for offset, patch in self._patches.items():
            first, last = max(at, offset), min(at + len(data), offset + len(patch))
            if first < last:
                data[first - at : last - at] = patch[first - offset : last - offset]
        view[: len(data)] = data
        return len(data)


class Spliced(io.RawIOBase):
    """Parts of a file, `(start, end)`, one behind the other; `patches` replace bytes by their offset in the file."""

    def __init__(self, file: Any, parts: Sequence[tuple[int, int]], patches: Mapping[int, bytes] | None = None) -> None:
        super().__init__()
        self._file, self._parts, self._at = Overlaid(file, patches or {}), parts, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = sum(end - start for start, end in self._parts)
        self._at = max(0, {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: size}[whence] + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view, at = memoryview(buffer).cast("B"), self._at
        for start, end in self._parts:
            if at < end - start:
                self._file.seek(start + at)
                data = self._file.read(min(len(view), end - start - at)) or b""
                view[: len(data)] = data
                self._at += len(data)
                return len(data)
            at -= end - start
        return 0


class Padded:
    """A layout whose demuxer skips padding without reading it, so that offsets and timestamps stay as they are: `free`
    of ISO/IEC 14496-12, 8.1.2; `Void` of RFC 8794, 11.3.2. Each piece states its time."""

    head: int
    OPENING: ClassVar[int] = 1

    def padding(self, length: int) -> bytes:
        """The header of padding of so many bytes, itself included."""
        raise NotImplementedError

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The file with padding instead of what lies before and behind."""
        patches = {}
        if first and first.offset - self.head >= SHORTEST_PADDING:
            patches[self.head] = self.padding(first.offset - self.head)
        if stop and (rest := file.seek(0, io.SEEK_END) - stop.offset) >= SHORTEST_PADDING:
            patches[stop.offset] = self.padding(rest)
        file.seek(0)
        return Overlaid(file, patches)

    def shift(self, _: Point | None) -> float:
        """0: each piece states its time."""
        return 0.0
