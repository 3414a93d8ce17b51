"""What the layouts of all containers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from impp_footage.container_layouts.search import FARTHEST

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader


class Point(NamedTuple):
    """Where a piece begins, in bytes from the beginning of the file, and its time in seconds."""

    offset: int
    time: float


class Pieces(Protocol):
    """The pieces of which a file is made."""

    @property
    def file(self) -> RangeReader:
        """The file."""

    @property
    def head(self) -> int:
        """Where its first piece begins."""

    def after(self, offset: int, most: int = FARTHEST) -> Point | None:
        """The first piece that begins at or after an offset; None if there is none within `most` bytes, or so."""


class Layout(Pieces, Protocol):
    """How a file without an index is built."""

    @property
    def OPENING(self) -> int:
        """Bytes from the first piece on that a demuxer needs to know the tracks and their first time; it gets whole
        pieces, so 1 is the first piece."""

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The file without the pieces before `first` and from `stop` on; None leaves out none."""

    def shift(self, first: Point | None) -> float:
        """The time of the recording, in seconds, that the demuxer of a view from `first` takes for zero."""
