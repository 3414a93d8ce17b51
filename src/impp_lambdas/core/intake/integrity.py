"""Checks that an object is complete, and media, by its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from impp_footage import boxes, formats, movies, references, second_recording, tables
from impp_footage.reader import BudgetExceeded
from impp_lambdas.core.intake.problems import Problem

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader


@dataclass(frozen=True)
class Examination:
    """Format by the first bytes, creation time (UTC) according to the container, and the problem, if any. `usable`: the
    bytes from the start that are whole, if something incomplete follows them, or another recording, from `further_at`
    on.
    """

    container: str
    created: datetime | None
    problem: Problem | None
    usable: int | None = None
    further_at: int | None = None


def examine(file: RangeReader) -> Examination:
    """Detect truncated files, and files that are not media, with a few small reads of the head and an MP4's boxes."""
    if file.size == 0:
        return Examination("", None, Problem("empty", "0 bytes"))
    head = file.read(0, formats.HEAD_BYTES)
    container = formats.sniff(head)
    if container is None:
        return Examination("", None, Problem("not_media", f"it holds {formats.other_kind(head)}"))
    if container == "mp4":
        return _examine_movie(file)
    integrity = movies.of_riff(head, file.size) if container in ("avi", "wave") else movies.UNKNOWN
    if integrity.is_cut:
        return Examination(container, None, Problem("truncated", str(integrity.reason)))
    another = second_recording.offset(file, container)
    return Examination(container, None, None, another, another)


def _examine_movie(file: RangeReader) -> Examination:
    created = usable = another = None
    try:
        integrity = movies.of_boxes(file, last_fragment=False)
        if integrity.is_cut:
            if integrity.movie and (reason := references.external_media(file, integrity.movie)):
                return Examination("mp4", None, Problem("reference", reason))
            return Examination("mp4", None, Problem("truncated", str(integrity.reason)))
        another = integrity.further_at or second_recording.offset(file, "mp4")
        usable = another or integrity.usable
        if integrity.movie:
            created = boxes.created(file, integrity.movie)
            if excess := tables.excess(file, integrity.movie):
                return Examination("mp4", created, Problem("corrupt", excess))
            if tables.is_encrypted(file, integrity.movie):
                return Examination("mp4", created, Problem("encrypted", "as its tracks state"))
    except BudgetExceeded as error:
        return Examination("mp4", created, Problem("read_limit", str(error)))
    return Examination("mp4", created, None, usable, another)
