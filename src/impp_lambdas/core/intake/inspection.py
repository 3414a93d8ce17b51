"""Inspects an object before anything is paid: identity, integrity, streams, origin."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from impp_footage import boxes, exif, formats, tables
from impp_footage.orientation import UPRIGHT, Orientation
from impp_footage.reader import BudgetExceeded, RangeReader
from impp_lambdas.core import keys
from impp_lambdas.core.intake import facts, integrity, object_head, sources
from impp_lambdas.core.intake.facts import Facts, Streams
from impp_lambdas.core.intake.originals import REPLAYABLE_STATES
from impp_lambdas.core.intake.plausibility import implausible
from impp_lambdas.core.intake.problems import Problem
from impp_lambdas.core.intake.unreadable import Unreadable

if TYPE_CHECKING:
    from impp_lambdas.core.intake.integrity import Examination
    from impp_lambdas.core.intake.originals import Original


@dataclass(frozen=True)
class Sources:
    """Who knows a file's streams.

    `probe` asks MediaConvert about the file, or its first bytes if they alone are usable: one `ProbeResults` entry, or
    its problem with the file. `describe` asks our own decoder, in the same form. `measure` measures the length in
    seconds, by what the file states or by its data rate; None if that fails. `rhythm` measures how fast its frames
    follow each other: `{fps, is_variable, keyframe_s}`, None without pictures. The last three raise `BudgetExceeded`
    and `Unreadable`.
    """

    probe: Callable[[int | None], Mapping[str, Any] | Problem]
    describe: Callable[[], Mapping[str, Any]]
    measure: Callable[[bool], float | None]
    rhythm: Callable[[], Mapping[str, Any] | None]


ESTIMATED = frozenset({"aac", "mp3"})
"""Formats that state no length, or rarely, so that any reader's is an estimate by the rate of their beginning."""
_UNKNOWN = Streams("unknown", 0.0, None, None, 0, None, None, None, False, "unknown")


@dataclass(frozen=True)
class Inspection:
    """The result. `problem` is None for media that can be processed; `facts` are as complete as the file allows.
    `usable`: the bytes from the start that MediaConvert is to read, if something incomplete follows them."""

    asset: str
    facts: Facts
    problem: Problem | None
    usable: int | None = None


def of_deleted(original: Original, now: datetime) -> Inspection:
    """The inspection of an object that was deleted before it could be read."""
    origin = sources.infer(original.key, {}, None, now)
    unknown = Facts.of(_UNKNOWN, origin, 0, None, None)
    return Inspection(_own_id(original), unknown, Problem("gone", "deleted before it could be read"))


def without_reading(original: Original, head: Mapping[str, Any], problem: Problem | None) -> Inspection:
    """The inspection of an object whose bytes are not read."""
    own = sources.own_metadata(head.get("Metadata", {}))
    origin = sources.infer(original.key, own, None, head["LastModified"])
    facts = Facts.of(_UNKNOWN, origin, int(head["ContentLength"]), None, None)
    return Inspection(_own_id(original), facts, problem)


def inspect(original: Original, head: Mapping[str, Any], file: RangeReader, ask: Sources) -> Inspection:
    """Inspect an object; `head` is HeadObject's response."""
    if archived := object_head.find_archived(head):
        return without_reading(original, head, archived)
    own = sources.own_metadata(head.get("Metadata", {}))
    if contradiction := sources.contradiction(original.key, own):
        return without_reading(original, head, Problem("contradiction", contradiction))
    examination = integrity.examine(file)
    problem = examination.problem if file.size == 0 else object_head.compare_checksums(head, own) or examination.problem
    streams = replace(_UNKNOWN, container=examination.container or "unknown")
    if not problem:
        streams, problem = _streams(file, examination, ask, streams)
    origin = sources.infer(original.key, own, examination.created, head["LastModified"])
    sha256 = own["sha256"].lower() if re.fullmatch(r"[0-9a-fA-F]{64}", own.get("sha256", "")) else None
    # A mismatch is not what it claims to be: under the claimed identity it would take the true asset's place.
    identity = None if problem and problem.reason == "checksum_mismatch" else sha256
    return Inspection(
        keys.asset_id(original.bucket, original.key, original.version, identity),
        Facts.of(streams, origin, file.size, sha256, head.get("ChecksumCRC64NVME") or own.get("crc64nvme")),
        problem,
        examination.usable,
    )


def may_be_equal(item: Mapping[str, Any], inspection: Inspection) -> bool:
    """Whether an object may have the content of the asset whose id it claims, and that asset has a result or will."""
    facts = inspection.facts
    pairs = (("size", facts.bytes), ("crc64nvme", facts.crc64nvme), ("sha256", facts.sha256))
    differs = any(item.get(name) and value and item[name] != value for name, value in pairs)
    return not differs and item.get("state") not in REPLAYABLE_STATES


def as_separate_asset(inspection: Inspection, original: Original) -> Inspection:
    """The inspection under an id that no other object can claim."""
    return replace(inspection, asset=_own_id(original))


def false_claim(inspection: Inspection, original: Original) -> Inspection:
    """The inspection of an object that has not the SHA-256 that it claims."""
    detail = f"claims the SHA-256 of asset {inspection.asset}, but its content differs"
    return Inspection(_own_id(original), inspection.facts, Problem("checksum_mismatch", detail))


def too_many_copies(inspection: Inspection, original: Original) -> Inspection:
    """The inspection of an object with the content of an asset that is linked to as many as its item has room for."""
    detail = f"asset {inspection.asset} is linked to as many objects as it may be"
    return Inspection(_own_id(original), inspection.facts, Problem("copies", detail))


def protect_asset(
    item: Mapping[str, Any] | None, inspection: Inspection, original: Original, execution: str
) -> Inspection:
    """Give an object with a problem an id of its own if it claims the SHA-256 of another asset, which `item` describes.

    A truncated copy still claims the SHA-256 of the whole file. Only the copy is quarantined, not the asset.
    """
    if item is None or item.get("execution") == execution or original.is_source_of(item):
        return inspection
    return as_separate_asset(inspection, original)


def _own_id(original: Original) -> str:
    """An id that no other object can claim."""
    return keys.asset_id(original.bucket, original.key, original.version, None)


def _still(file: RangeReader, unknown: Streams) -> tuple[Streams, Problem | None]:
    try:
        size = formats.image_size(file.read(0, 1 << 16))
        return facts.image(unknown.container, size, exif.orientation(file) if size else UPRIGHT), None
    except BudgetExceeded as error:
        return unknown, Problem("read_limit", str(error))


def _streams(
    file: RangeReader, examination: Examination, ask: Sources, unknown: Streams
) -> tuple[Streams, Problem | None]:
    if formats.is_image(unknown.container):
        return _still(file, unknown)
    streams = unknown
    try:
        described = _described(ask, examination, boxes.orientation(file) if unknown.container == "mp4" else UPRIGHT)
        if isinstance(described, Problem) and unknown.container == "mp4" and tables.has_no_media(file):
            described = None
        if isinstance(described, Problem):
            return streams, described
        if described is None:
            return streams, Problem("no_streams", "the container has neither a video nor an audio stream")
        streams = replace(described, further_at=examination.further_at)
        if unknown.container == "mp4":
            streams = _with_tables(streams, file)
        elif unknown.container == "matroska" and streams.kind == "video":  # WebM too: of browsers and screens
            streams = _with_rhythm(streams, ask)
        if streams.container == "unknown":  # Probe's Format is blank for a format that it has no name for
            streams = replace(streams, container=unknown.container)
        if streams.duration_s <= 0 or unknown.container in ESTIMATED:
            # Probe's Duration is optional. Containers without an index have none to state: transport and program
            # streams, fragmented MP4, MP3, WebM of a browser's recorder.
            streams = replace(streams, duration_s=round(ask.measure(True) or 0.0, 3))
        size = examination.further_at or file.size
        if reason := implausible(streams, size):
            streams = replace(streams, duration_s=round(ask.measure(False) or 0.0, 3))
            if streams.duration_s <= 0 or implausible(streams, size):
                return streams, Problem("implausible", reason)
    except BudgetExceeded as error:
        return streams, Problem("read_limit", str(error))
    except Unreadable as error:
        return streams, Problem("corrupt", str(error))
    if streams.duration_s <= 0:
        return streams, Problem("corrupt", "it states no length, and nothing in it can be measured")
    return streams, None


def _with_tables(streams: Streams, file: RangeReader) -> Streams:
    """The streams with what only the tables of an MP4 state: a rate that varies, and how far keyframes are apart."""
    pace, frames = tables.pace(file), tables.frames_per_keyframe(file)
    if frames and streams.fps:
        streams = replace(streams, keyframe_s=round(frames / streams.fps, 3))
    if pace and pace.is_variable:
        streams = replace(streams, fps=round(pace.fps, 4), is_variable_rate=True)
    return streams


def _with_rhythm(streams: Streams, ask: Sources) -> Streams:
    """The same for containers that list no frames, by the first ones."""
    try:
        measured = ask.rhythm()
    except Unreadable:  # MediaConvert reads it, our decoder may not
        measured = None
    if not measured:
        return streams
    keyframe_s = round(measured["keyframe_s"], 3) if measured["keyframe_s"] else None
    if not measured["is_variable"]:
        return replace(streams, keyframe_s=keyframe_s)
    return replace(streams, fps=round(measured["fps"], 4), is_variable_rate=True, keyframe_s=keyframe_s)


def _described(ask: Sources, examination: Examination, orientation: Orientation) -> Streams | Problem | None:
    """The streams, None if there are none. What MediaConvert cannot read, our own decoder may: a DV tape, AMR. In what
    neither can read, nobody knows what there is, so Probe's problem stands."""
    probed = ask.probe(examination.usable)
    if not isinstance(probed, Problem):
        return facts.from_probe(probed, orientation)
    if probed.reason != "corrupt":
        return probed
    streams = facts.from_decoder(ask.describe(), orientation)
    return replace(streams, is_encodable=False) if streams else probed
