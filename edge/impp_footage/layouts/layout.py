"""What the layouts of all containers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader


class Point(NamedTuple):
    """Where a piece begins, in bytes from the beginning of the file, and its time in seconds."""

    offset: int
    time: float


class Layout(Protocol):
    """How a file without an index is built."""

    @property
    def file(self) -> RangeReader:
        """The file."""

    @property
    def head(self) -> int:
        """Where its first piece begins."""

    @property
    def OPENING(self) -> int:
        """Bytes from the first piece on that a demuxer needs to know the tracks and their first time; it gets whole
        pieces, so 1 is the first piece."""

    def after(self, offset: int) -> Point | None:
        """The first piece that begins at or after an offset; None if there is none, or none near."""

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The file without the pieces before `first` and from `stop` on; None leaves out none."""

    def shift(self, first: Point | None) -> float:
        """The time of the recording, in seconds, that the demuxer of a view from `first` takes for zero."""
