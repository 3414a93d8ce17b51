"""Facts about an original: its streams according to MediaConvert's Probe, and its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from impp_footage.orientation import UPRIGHT, Orientation, right_angle
from impp_lambdas.core.intake.unreadable import Unreadable

_CODECS = {"AVC": "h264", "HEVC": "hevc", "MP4V": "mpeg4", "EAC3": "eac3"}
_TRANSFERS = {"SMPTE_2084": "pq", "ARIB_B67": "hlg"}
HDR = frozenset(_TRANSFERS.values())
"""Transfer functions of high dynamic range (ITU-R BT.2100): PQ (HDR10) and HLG (phones)."""
UNDESCRIBED = "its tracks have no sensible description"
_LARGEST = 1e9
"""Bound of lengths in seconds, sides in pixels and frame rates."""
UNKNOWN_CODEC = "unknown"
"""Probe's codec UNKNOWN: MediaConvert cannot decode the track."""


@dataclass(frozen=True)
class Streams:
    """`kind` is `video`, `audio` or `image`. `width` and `height` are as displayed: after `rotation` (0, 90, 180 or 270
    degrees clockwise) and with square pixels. `duration_s` is 0 for an image. `transfer` is the picture's transfer
    function, `pq`, `hlg` or another of Probe's in lower case; None if the file states none. `is_mirrored`: left and
    right of the stored picture are swapped before the rotation. `is_encodable`: MediaConvert can read the file and
    decode its picture, or the sound of a sound file. `video_tracks` counts those of moving pictures; the facts are the
    first one's. `is_variable_rate`: `fps` is then that of its faster passages, not the average. `keyframe_s` is the
    average time between keyframes, None where the container lists none. `pixel_format` is chroma subsampling and bits
    such as `4:2:0 8-bit`, None if unknown. `further_at` is the byte at which another recording begins, which is not
    part of these facts; None if there is none."""

    kind: str
    duration_s: float
    width: int | None
    height: int | None
    rotation: int
    fps: float | None
    video_codec: str | None
    audio_codec: str | None
    has_audio: bool
    container: str
    audio_channels: int | None = field(default=None, kw_only=True)
    transfer: str | None = field(default=None, kw_only=True)
    is_mirrored: bool = field(default=False, kw_only=True)
    is_encodable: bool = field(default=True, kw_only=True)
    video_tracks: int = field(default=0, kw_only=True)
    is_variable_rate: bool = field(default=False, kw_only=True)
    keyframe_s: float | None = field(default=None, kw_only=True)
    pixel_format: str | None = field(default=None, kw_only=True)
    further_at: int | None = field(default=None, kw_only=True)

    @property
    def is_hdr(self) -> bool:
        """Whether the picture has a high dynamic range."""
        return self.transfer in HDR

    @property
    def has_encodable_audio(self) -> bool:
        """Whether MediaConvert can decode the sound."""
        return self.has_audio and self.audio_codec != UNKNOWN_CODEC


@dataclass(frozen=True)
class Origin:
    """`captured_at` is ISO 8601 in UTC. `captured_at_from` is where it comes from: the value in the metadata (filename,
    event, container, gps, mtime), or else `filename`, `container`, `key` (the day only) or `upload`."""

    source: str
    device: str
    camera: str | None
    recording: str
    captured_at: str
    captured_at_from: str


@dataclass(frozen=True)
class Facts(Streams, Origin):
    """All facts that are known before anything is paid. `sha256` is hex, `crc64nvme` base64 as S3 returns it."""

    bytes: int
    sha256: str | None
    crc64nvme: str | None

    @classmethod
    def of(cls, streams: Streams, origin: Origin, size: int, sha256: str | None, crc64nvme: str | None) -> Facts:
        """Combine the parts."""
        return cls(**asdict(streams), **asdict(origin), bytes=size, sha256=sha256, crc64nvme=crc64nvme)

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain JSON; None if one does not apply."""
        return asdict(self)


def from_probe(result: Mapping[str, Any], orientation: Orientation = UPRIGHT) -> Streams | None:
    """Streams of a `ProbeResults` entry of MediaConvert's Probe; None if it has neither a video nor an audio stream.

    `orientation` is the container's, for results that state no rotation, as those of older SDK versions. It also
    decides for a mirrored picture, of which Probe states nothing or half.
    """
    container = result.get("Container") or {}
    tracks = container.get("Tracks") or []
    videos = [t for t in tracks if t.get("TrackType") == "video" and t.get("VideoProperties")]
    video = videos[0] if videos else None
    audio = next((t for t in tracks if t.get("TrackType") == "audio"), None)
    if not video and not audio:
        return None
    picture = (video or {}).get("VideoProperties", {})
    width, height, rotation = _displayed(picture, orientation)
    return Streams(
        kind="video" if video else "audio",
        duration_s=round(float(container.get("Duration") or max(float(t.get("Duration") or 0) for t in tracks)), 3),
        width=width,
        height=height,
        rotation=rotation,
        fps=_fraction(picture.get("FrameRate")),
        video_codec=_codec(video),
        audio_codec=_codec(audio),
        has_audio=audio is not None,
        container=str(container.get("Format") or "unknown").lower(),
        audio_channels=(audio or {}).get("AudioProperties", {}).get("Channels"),
        transfer=_transfer(picture),
        is_mirrored=orientation.is_mirrored,
        is_encodable=_codec(video or audio) != UNKNOWN_CODEC,
        video_tracks=len(videos),
        pixel_format=_pixel_format(picture),
    )


def from_decoder(result: Mapping[str, Any], orientation: Orientation = UPRIGHT) -> Streams | None:
    """The same for a result in that form of our own decoder, which a hostile file may have taken over. Raises
    :class:`~impp_lambdas.core.intake.unreadable.Unreadable`."""
    try:
        streams = from_probe(result, orientation)
        numbers = [n for n in (streams.duration_s, streams.width, streams.height, streams.fps) if n] if streams else []
        is_sane = all(isinstance(n, int | float) and 0 < n < _LARGEST for n in numbers)
    except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
        raise Unreadable(UNDESCRIBED) from error
    if not is_sane:
        raise Unreadable(UNDESCRIBED)
    return streams


def image(container: str, size: tuple[int, int] | None, shown: Orientation = UPRIGHT) -> Streams:
    """Streams of a still picture; `size` is the stored one. A size with a zero is none."""
    width, height = size if size and all(size) else (None, None)
    if shown.rotation in (90, 270):
        width, height = height, width
    return Streams(
        "image", 0.0, width, height, shown.rotation, None, None, None, False, container, is_mirrored=shown.is_mirrored
    )


def _displayed(picture: Mapping[str, Any], container: Orientation) -> tuple[int | None, int | None, int]:
    width, height = picture.get("Width"), picture.get("Height")
    stated = picture.get("Rotation") or (picture.get("CodecMetadata") or {}).get("Rotation")
    rotation = right_angle(stated) if stated and not container.is_mirrored else container.rotation
    if not width or not height:
        return None, None, rotation
    width = round(width * (_fraction(picture.get("SampleAspectRatio")) or 1))
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)


def _pixel_format(picture: Mapping[str, Any]) -> str | None:
    codec = picture.get("CodecMetadata") or {}
    chroma, depth = codec.get("ChromaSubsampling"), codec.get("BitDepth") or picture.get("BitDepth")
    return f"{str(chroma)[:8]} {int(depth)}-bit" if chroma and depth else None


def _transfer(picture: Mapping[str, Any]) -> str | None:
    codec = picture.get("CodecMetadata") or {}
    name = str(picture.get("TransferCharacteristics") or codec.get("TransferCharacteristics") or "UNSPECIFIED")
    return None if name == "UNSPECIFIED" else _TRANSFERS.get(name, name.lower())


def _fraction(value: Mapping[str, Any] | None) -> float | None:
    if not value or not value.get("Numerator") or not value.get("Denominator"):
        return None
    return round(float(value["Numerator"]) / float(value["Denominator"]), 4)


def _codec(track: Mapping[str, Any] | None) -> str | None:
    name = str((track or {}).get("Codec") or "").upper()
    return _CODECS.get(name, name.lower()) or None
