"""How recordings without an index are built: where, near any byte, a piece begins that states its time.

Matroska without cues (MediaRecorder, a killed recorder) is made of clusters and fragmented MP4 without `sidx` or `mfra`
of fragments, which state their times. So does each tag of FLV, whose list of keyframes is optional and of no use for
sound. MP3 at a constant rate needs no statement: a byte's place is its time.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from impp_footage import boxes, ebml, reader, sound_frames

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from impp_footage.sound_frames import Frame

FIRST_STEP, STEP = 16 << 10, 512 << 10
"""Bytes that are searched at a time for the next piece, at first and at most."""
FARTHEST = 64 << 20
"""Bytes that are searched for it at most: a cluster of MediaRecorder may last as long as its keyframes are apart."""
MOST_ELEMENTS = 100
"""Most elements of Matroska, or tags of FLV, before the first piece."""
SHORTEST_PADDING = 16
"""Bytes of the longest header of padding."""
PLACES = 16
"""Places of an MP3 at which the rate is compared."""
_FRAME = 2048
"""Bytes of the longest frame of MP3, and more."""
_FOLLOWERS = 8
"""Frames that are compared at each."""
_OPENING = 4096
"""Bytes behind the tags of an MP3 in which its first frame begins."""
_SCRIPT = 1 << 20
"""Bytes of a script's tag in which the list of keyframes is named."""

_SEGMENT, _SEEK_HEAD, _INFO, _CUES = b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x1c\x53\xbb\x6b"
_CUES_ENTRY, _POSITION, _SCALE = b"\x53\xab\x84" + _CUES, b"\x53\xac", b"\x2a\xd7\xb1"


class Point(NamedTuple):
    """Where a piece begins, in bytes, and its time in seconds."""

    offset: int
    time: float


class Layout(Protocol):
    """How a file without an index is built."""

    @property
    def file(self) -> reader.RangeReader:
        """The file."""

    @property
    def head(self) -> int:
        """Where its first piece begins."""

    @property
    def OPENING(self) -> int:
        """Bytes from which the demuxer knows the tracks and their first time: of what is more than the first piece."""

    def after(self, offset: int) -> Point | None:
        """The first piece at or after an offset."""

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The file without what lies between its head and `first`, and behind `stop`."""

    def shift(self, first: Point | None) -> float:
        """What the demuxer of such a view takes for zero, in seconds of the recording."""


class Overlaid(io.RawIOBase):
    """A file of which some bytes are replaced: `patches` by their offset."""

    def __init__(self, file: Any, patches: dict[int, bytes]) -> None:
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


class Padded:
    """A layout whose demuxer skips padding without reading it: offsets and timestamps stay as they are (`free` of
    ISO/IEC 14496-12, 8.1.2; `Void` of RFC 8794, 11.3.2)."""

    head: int
    OPENING: ClassVar[int] = 1

    def padding(self, length: int) -> bytes:
        """The header of padding of so many bytes, itself included."""
        raise NotImplementedError

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The file with padding for what lies before and behind."""
        patches = {}
        if first and first.offset - self.head >= SHORTEST_PADDING:
            patches[self.head] = self.padding(first.offset - self.head)
        if stop and (rest := file.seek(0, io.SEEK_END) - stop.offset) >= SHORTEST_PADDING:
            patches[stop.offset] = self.padding(rest)
        file.seek(0)
        return Overlaid(file, patches)

    def shift(self, _: Point | None) -> float:
        """None: each piece states its time."""
        return 0.0


@dataclass(frozen=True)
class Matroska(Padded):
    """Clusters of Matroska and WebM (RFC 9559)."""

    file: reader.RangeReader
    head: int
    scale_s: float

    ID: ClassVar[bytes] = b"\x1f\x43\xb6\x75"

    def after(self, offset: int) -> Point | None:
        for at in _occurrences(self.file, self.ID, max(offset, self.head)):
            time = self._time(self.file.read(at + 4, 64))
            if time is not None:
                return Point(at, time)
        return None

    def padding(self, length: int) -> bytes:
        return b"\xec\x01" + (length - 9).to_bytes(7, "big")

    def _time(self, data: bytes) -> float | None:
        """The timestamp, first of a cluster's elements but for a checksum and padding; None if this is no cluster."""
        at = ebml.length(data, 0)
        while at and at < len(data) - 10:
            kind, length = data[at], ebml.length(data, at + 1)
            size = int.from_bytes(data[at + 1 : at + 1 + length], "big") & ((1 << 7 * length) - 1)
            body = at + 1 + length
            if kind == 0xE7 and 1 <= size <= 8:
                return int.from_bytes(data[body : body + size], "big") * self.scale_s
            if kind not in (0xBF, 0xEC):
                return None
            at = body + size
        return None


@dataclass(frozen=True)
class Fragments(Padded):
    """Fragments of MP4 (ISO/IEC 14496-12, 8.8). `scales` has the time units per second of each track."""

    file: reader.RangeReader
    head: int
    scales: dict[int, int]

    def after(self, offset: int) -> Point | None:
        for at in _occurrences(self.file, b"moof", max(offset, self.head) + 4):
            data = self.file.read(at - 4, 4096)
            size = int.from_bytes(data[:4], "big")
            time = self._time(data[8:size]) if 24 <= size <= 64 << 20 and data[12:16] == b"mfhd" else None
            if time is not None:
                return Point(at - 4, time)
        return None

    def padding(self, length: int) -> bytes:
        return struct.pack(">I4sQ", 1, b"free", length)

    def _time(self, data: bytes) -> float | None:
        """The base time of the first track of a fragment."""
        header, time = data.find(b"tfhd"), data.find(b"tfdt")
        if header < 0 or time < 0 or time + 16 > len(data):
            return None
        scale = self.scales.get(int.from_bytes(data[header + 8 : header + 12], "big"))
        length = 8 if data[time + 4] else 4
        return int.from_bytes(data[time + 8 : time + 8 + length], "big") / scale if scale else None


class Spliced(io.RawIOBase):
    """Parts of a file, `(start, end)`, one behind the other."""

    def __init__(self, file: Any, parts: Sequence[tuple[int, int]], patches: Mapping[int, bytes] | None = None) -> None:
        super().__init__()
        self._file, self._parts, self._at = Overlaid(file, dict(patches or {})), parts, 0

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


@dataclass(frozen=True)
class Flv:
    """Tags of FLV (Adobe Flash Video File Format Specification 10.1, E.3 and E.4). `head` is behind those that the
    decoders need first. `keyframes` is where the list of keyframes is named, whose places are not those of a view."""

    file: reader.RangeReader
    head: int
    keyframes: int

    TAG: ClassVar[int] = 11
    OPENING: ClassVar[int] = 1 << 16
    PATTERN: ClassVar[re.Pattern[bytes]] = re.compile(rb"(?=[\x08\x09].{7}\0\0\0)", re.DOTALL)
    """A tag of sound or picture: kind, length, time, and a number that is always 0."""
    LIST: ClassVar[bytes] = b"keyframes"

    def after(self, offset: int) -> Point | None:
        """A tag ends with its own length, which no other bytes are likely to do."""
        at, step = max(offset, self.head), FIRST_STEP
        while at < min(offset + FARTHEST, self.file.size):
            data = self.file.read(at, step + self.TAG - 1)
            for match in self.PATTERN.finditer(data):
                place = match.start()
                if tag := self._tag(at + place, data[place : place + self.TAG]):
                    return tag
            at, step = at + step, min(2 * step, STEP)
        return None

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The head and the tags between."""
        begin, end = first.offset if first else self.head, stop.offset if stop else self.file.size
        patches = {self.keyframes: b"no" + self.LIST[2:]} if self.keyframes else {}
        file.seek(0)
        return Spliced(file, [(0, self.head), (begin, max(begin, end))], patches)

    def shift(self, _: Point | None) -> float:
        """None: each tag states its time."""
        return 0.0

    def _tag(self, at: int, head: bytes) -> Point | None:
        size = self.TAG + int.from_bytes(head[1:4], "big")
        if self.file.read(at + size, 4) != size.to_bytes(4, "big"):
            return None
        return Point(at, (int.from_bytes(head[4:7], "big") + (head[7] << 24)) / 1000)


@dataclass(frozen=True)
class ConstantRate:
    """Frames of MP3 at a constant rate in bytes per second. The demuxer counts them from where it begins."""

    file: reader.RangeReader
    head: int
    rate: float
    mark: bytes

    OPENING: ClassVar[int] = 1 << 16

    def after(self, offset: int) -> Point | None:
        for at in _occurrences(self.file, b"\xff", max(offset, self.head), _FRAME):
            frame = _mp3(self.file.read(at, 4))
            if frame and frame.mark == self.mark and _is_followed(self.file, at, frame):
                return Point(at, (at - self.head) / self.rate)
        return None

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The frames between."""
        begin, end = first.offset if first else 0, stop.offset if stop else self.file.size
        file.seek(0)
        return Spliced(file, [(begin, max(begin, end))])

    def shift(self, first: Point | None) -> float:
        """Its time: the frames do not state theirs."""
        return first.time if first else 0.0


def _mp3(head: bytes) -> Frame | None:
    """The frame of MP3 that begins with these bytes."""
    frame = sound_frames.frame(head)
    return frame if frame and frame.codec == "mp3" else None


class First(NamedTuple):
    """The first frame of an MP3 with sound, and whether a table before it states length and places (`Xing`, `VBRI`)."""

    offset: int
    frame: Frame
    has_table: bool


def first_frame(file: Any) -> First | None:
    """Find it behind the tags; None if this is no MP3."""
    return _first_frame(reader.of_file(file))


def _first_frame(file: reader.RangeReader) -> First | None:
    start = file.read(0, 10)
    if start[:3] != b"ID3" and not _mp3(start):  # of another format, which may have such bytes anywhere
        return None
    at = sound_frames.behind_tags(file)
    data = file.read(at, _OPENING)
    for place in (n for n in range(len(data) - 4) if data[n] == 0xFF):
        if frame := _mp3(data[place : place + 4]):
            opening = data[place : place + 64]
            if b"Info" in opening:  # of a constant rate: a frame without sound
                following = _mp3(data[place + frame.length :][:4])
                return First(at + place + frame.length, following, has_table=False) if following else None
            return First(at + place, frame, has_table=b"Xing" in opening or b"VBRI" in opening)
    return None


def _is_followed(file: reader.RangeReader, at: int, frame: Frame) -> bool:
    """Whether others of the kind, or the end of the file, follow a frame."""
    place, length = 0, frame.length
    data = file.read(at, _FOLLOWERS * (length + 1) + 4)
    for _ in range(_FOLLOWERS):
        place += length
        rest = data[place : place + 4]
        if len(rest) < 4 or rest[:3] == b"TAG":
            return True
        other = _mp3(rest)
        if other is None or other.mark != frame.mark:
            return False
        length = other.length
    return True


def layout_of(file: Any) -> Layout | None:
    """How a file without an index is built; None if it has one, or is of another container."""
    ranges = reader.of_file(file)
    start = ranges.read(0, 12)
    layout: Layout | None = None
    if start[:4] == b"\x1a\x45\xdf\xa3":
        layout = _matroska(ranges)
    elif start[4:8] == b"ftyp":
        layout = _fragments(ranges)
    elif start[:4] == b"FLV\x01":
        layout = _flv(ranges)
    elif start[:3] == b"ID3" or _mp3(start):
        layout = _constant_rate(ranges)
    file.seek(0)
    return layout


def _matroska(file: reader.RangeReader) -> Layout | None:
    """Read the elements before the first cluster: the unit of time, and whether cues are announced that exist."""
    at, segment, scale = 0, 0, 1_000_000
    for _ in range(MOST_ELEMENTS):
        head = file.read(at, 12)
        kind_length = ebml.length(head, 0)
        size_length = ebml.length(head, kind_length) if kind_length else 0
        if not size_length:
            return None
        kind, body = head[:kind_length], at + kind_length + size_length
        size = ebml.value(head[kind_length : kind_length + size_length])
        if kind == Matroska.ID:
            return Matroska(file, at, scale / 1e9)
        if kind == _SEGMENT:
            at, segment = body, body
            continue
        if kind == _CUES or size is None:
            return None
        content = file.read(body, min(size, 4096)) if kind in (_SEEK_HEAD, _INFO) else b""
        cues = _value(content, _CUES_ENTRY + _POSITION) if kind == _SEEK_HEAD else None
        if cues is not None and segment + cues < file.size:
            return None
        if kind == _INFO:
            scale = _value(content, _SCALE) or scale
        at = body + size
    return None


def _fragments(file: reader.RangeReader) -> Layout | None:
    movie = None
    for box in boxes.children(file):
        if box.kind == b"moov":
            movie = box
        elif box.kind == b"moof":
            return Fragments(file, box.start, _scales(file, movie)) if movie else None
        elif box.kind in (b"sidx", b"mdat"):
            return None
    return None


def _scales(file: reader.RangeReader, movie: boxes.Box) -> dict[int, int]:
    scales = {}
    for track in boxes.children(file, movie):
        header = boxes.find(file, b"tkhd", within=track) if track.kind == b"trak" else None
        media = boxes.find(file, b"mdia", b"mdhd", within=track) if header else None
        if header and media:
            track_id, scale = (_after_times(boxes.content(file, box, 32)) for box in (header, media))
            scales[track_id] = scale
    return scales


def _after_times(content: bytes) -> int:
    """The number behind the two dates of `tkhd` (the track's id) and `mdhd` (its units per second)."""
    at = 20 if content[:1] == b"\x01" else 12
    return int.from_bytes(content[at : at + 4], "big")


def _flv(file: reader.RangeReader) -> Layout | None:
    """Read the first tags: the head ends behind the last of them that describes the tracks."""
    at = int.from_bytes(file.read(5, 4), "big") + 4
    head, keyframes = at, 0
    for _ in range(MOST_ELEMENTS):
        tag = file.read(at, Flv.TAG + 2)
        size = Flv.TAG + int.from_bytes(tag[1:4], "big")
        if len(tag) < Flv.TAG + 2 or file.read(at + size, 4) != size.to_bytes(4, "big"):
            break
        if tag[0] == 18:
            place = file.read(at, min(size, _SCRIPT)).find(Flv.LIST)
            keyframes = at + place if place >= 0 else keyframes
        at += size + 4
        if tag[0] == 18 or _describes(tag):
            head = at
    return Flv(file, head, keyframes) if at > head else None


def _describes(tag: bytes) -> bool:
    """Whether a tag of H.264, of HEVC and AV1 (Enhanced RTMP: a bit, and packet type 0) or AAC has no frame but what
    its decoder needs first."""
    if tag[0] == 9:
        return tag[11] & 0x8F == 0x80 or (tag[11] & 0x8F == 7 and tag[12] == 0)
    return tag[0] == 8 and tag[11] >> 4 == 10 and tag[12] == 0


def _constant_rate(file: reader.RangeReader) -> Layout | None:
    """MP3 whose frames have one rate wherever one looks."""
    first = _first_frame(file)
    if first is None or first.has_table:
        return None
    layout = ConstantRate(file, first.offset, first.frame.rate, first.frame.mark)
    for n in range(PLACES + 1):
        place = layout.head + (file.size - layout.head) * n // (PLACES + 1)
        point = layout.after(place)
        if point is None or point.offset - place > 2 * _FRAME:
            return None
    return layout


def _occurrences(file: reader.RangeReader, pattern: bytes, start: int, step: int = FIRST_STEP) -> Iterator[int]:
    """Where the bytes occur from an offset on."""
    at = start
    while at < min(start + FARTHEST, file.size):
        data = file.read(at, step + len(pattern) - 1)
        position = data.find(pattern)
        while position >= 0:
            yield at + position
            position = data.find(pattern, position + 1)
        at, step = at + step, min(2 * step, STEP)


def _value(data: bytes, kind: bytes) -> int | None:
    """The unsigned integer of the first element of a kind."""
    at = data.find(kind)
    size = data[at + len(kind)] & 0x7F if 0 <= at < len(data) - len(kind) else 0
    return int.from_bytes(data[at + len(kind) + 1 :][:size], "big") if 1 <= size <= 8 else None
