"""Flash video, as streaming servers and OBS record it (Adobe Flash Video File Format Specification 10.1, annex E)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from impp_cli.archive.containers import pictures
from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage.container_layouts.flv import Flv
from impp_footage.container_layouts.search import last_before
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

TAGS: Final = 400
"""Tags at the start that describe the tracks and show their pace: some 5 s."""
SCRIPT: Final = 1 << 16
"""Bytes of a tag that are looked at."""
PICTURES: Final = {
    2: "flv", 3: "flashsv", 4: "vp6f", 5: "vp6a", 6: "flashsv2", 7: "h264", 12: "hevc",
    b"avc1": "h264", b"hvc1": "hevc", b"av01": "av1", b"vp09": "vp9", b"vp08": "vp8",
}  # fmt: skip
"""By number (E.4.3.1), or by the code of Enhanced RTMP."""
SOUNDS: Final = {0: "pcm", 1: "adpcm_swf", 2: "mp3", 3: "pcm", 10: "aac", 11: "speex", 14: "mp3"}
"""By number (E.4.2.1)."""
SOUND, PICTURE, DATA = 8, 9, 18


class _Tag(NamedTuple):
    kind: int
    time: int
    body: bytes


def read(file: RangeReader, head: bytes) -> Streams:
    """The tracks by their first tags; the length by the last tag's time."""
    start = int.from_bytes(head[5:9]) + 4
    tags = list(_tags(file, start))
    shown = [tag for tag in tags if tag.kind == PICTURE and tag.body]
    heard = next((tag for tag in tags if tag.kind == SOUND and tag.body), None)
    if not shown and not heard:
        raise Unpriced("it has neither a picture nor sound in its first tags")
    sound = SOUNDS.get(heard.body[0] >> 4, "unknown") if heard else None
    frame = _frame([tag.time for tag in (shown or tags)[1:]])  # the first one may be of no frame, but of its decoder
    seconds = _seconds(file, start) + frame
    if not shown:
        return audio("flv", seconds, sound or "unknown")
    facts = dict(_numbers(next((tag.body for tag in tags if tag.kind == DATA), b"")))
    codec = _codec(shown[0].body)
    size = (round(facts.get("width", 0)), round(facts.get("height", 0)))
    fps = facts.get("framerate") or (round(1 / frame, 4) if frame else None)
    return video("flv", seconds, size if all(size) else _size(codec, shown[0].body), fps, codec, sound)


def _tags(file: RangeReader, at: int) -> Iterator[_Tag]:
    """The first tags (E.4.1)."""
    for _ in range(TAGS):
        head = file.read(at, Flv.TAG)
        if len(head) < Flv.TAG:
            return
        size = int.from_bytes(head[1:4])
        time = int.from_bytes(head[4:7]) | head[7] << 24
        yield _Tag(head[0] & 31, time, file.read(at + Flv.TAG, min(size, SCRIPT)))
        at += Flv.TAG + size + 4


def _seconds(file: RangeReader, start: int) -> float:
    """From the first tag to the last."""
    layout = Flv(file, start, 0)
    first = layout.after(start)
    last = last_before(layout, math.inf)
    return last.time - first.time if first and last else 0.0


def _frame(times: list[int]) -> float:
    """Seconds from one to the next."""
    steps = [after - before for before, after in pairwise(sorted(times)) if after > before]
    return sum(steps) / len(steps) / 1000 if steps else 0.0


def _codec(tag: bytes) -> str:
    if tag[0] & 0x80:  # Enhanced RTMP, "Enhanced Video"
        return PICTURES.get(tag[1:5], "unknown")
    return PICTURES.get(tag[0] & 15, "unknown")


def _size(codec: str, tag: bytes) -> pictures.Size | None:
    """By the parameter set of H.264 in the first tag (ISO 14496-15, 5.2.4.1)."""
    if codec != "h264" or tag[1:2] != b"\0":
        return None
    (length,) = struct.unpack_from(">H", tag, 11)
    return pictures.size(codec, b"\0\0\1" + tag[13 : 13 + length])


def _numbers(script: bytes) -> Iterator[tuple[str, float]]:
    """Numbers of `onMetaData` by name (E.5; AMF 0, 2.2)."""
    for name in ("width", "height", "framerate"):
        pattern = len(name).to_bytes(2) + name.encode() + b"\0"
        at = script.find(pattern)
        if at >= 0:
            (value,) = struct.unpack_from(">d", script, at + len(pattern))
            if 0 < value < 1e5:
                yield name, value
