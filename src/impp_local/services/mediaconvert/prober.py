"""The ProbeResult of a file: container, tracks and metadata under MediaConvert's names."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from impp_engines.media import MediaError
from impp_local.engines.video import Media, Track

_CODECS = {
    "h264": "AVC",
    "hevc": "HEVC",
    "av1": "AV1",
    "libdav1d": "AV1",
    "mpeg4": "MP4V",
    "mpeg2video": "MPEG2",
    "mpeg1video": "MPEG1",
    "mjpeg": "MJPEG",
    "prores": "PRORES",
    "vp8": "VP8",
    "vp9": "VP9",
    "libvpx-vp9": "VP9",
    "vc1": "VC1",
    "dvvideo": "DV",
    "h263": "H263",
    "jpeg2000": "JPEG2000",
    "qtrle": "QTRLE",
    "theora": "THEORA",
    "dnxhd": "VC3",
    "rawvideo": "UNCOMPRESSED",
    "aac": "AAC",
    "ac3": "AC3",
    "eac3": "EAC3",
    "flac": "FLAC",
    "mp2": "MP2",
    "mp3": "MP3",
    "mp3float": "MP3",
    "opus": "OPUS",
    "libopus": "OPUS",
    "vorbis": "VORBIS",
    "libvorbis": "VORBIS",
    "wmav1": "WMA",
    "wmav2": "WMA2",
    "wmapro": "WMAPRO",
    "amrnb": "AMR",
    "amrwb": "AMR",
}
_FORMATS = {
    "matroska": "matroska",
    "mxf": "mxf",
    "wav": "wave",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpegps",
    "mp3": "mp3",
    "flac": "flac",
    "asf": "asf",
    "ogg": "ogg",
    "aac": "aac",
    "ac3": "ac3",
    "eac3": "eac3",
}
_MIME = {
    "mp4": "video/mp4",
    "quicktime": "video/quicktime",
    "three_gp": "video/3gpp",
    "three_g2": "video/3gpp2",
    "matroska": "video/x-matroska",
    "webm": "video/webm",
    "mxf": "application/mxf",
    "wave": "audio/wav",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpegps": "video/mpeg",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "asf": "video/x-ms-asf",
    "ogg": "video/ogg",
    "aac": "audio/aac",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
}
_UNTIMED = frozenset(("mpegts", "mpegps", "mp3", "webm"))
"""Formats whose header holds no duration. The model makes Duration optional, and AWS does not document for which
formats Probe looks further; so none here."""
_WEB_CODECS = frozenset(("VP8", "VP9", "AV1", "OPUS", "VORBIS"))
# ISO/IEC 23091-2 code points, which ffmpeg uses too.
_PRIMARIES = {
    1: "ITU_709",
    4: "ITU_470M",
    5: "ITU_470BG",
    6: "SMPTE_170M",
    7: "SMPTE_240M",
    8: "GENERIC_FILM",
    9: "ITU_2020",
    10: "SMPTE_428_1",
    11: "SMPTE_431_2",
    12: "SMPTE_EG_432_1",
    22: "EBU_3213_E",
}
_TRANSFER = {
    1: "ITU_709",
    4: "ITU_470M",
    5: "ITU_470BG",
    6: "SMPTE_170M",
    7: "SMPTE_240M",
    8: "LINEAR",
    9: "LOG10_2",
    10: "LOC10_2_5",
    11: "IEC_61966_2_4",
    12: "ITU_1361",
    13: "IEC_61966_2_1",
    14: "ITU_2020_10bit",
    15: "ITU_2020_12bit",
    16: "SMPTE_2084",
    17: "SMPTE_428_1",
    18: "ARIB_B67",
}
_MATRIX = {
    0: "RGB",
    1: "ITU_709",
    4: "FCC",
    5: "ITU_470BG",
    6: "SMPTE_170M",
    7: "SMPTE_240M",
    8: "YCgCo",
    9: "ITU_2020_NCL",
    10: "ITU_2020_CL",
    11: "SMPTE_2085",
    12: "CD_NCL",
    13: "CD_CL",
    14: "ITU_2100ICtCp",
}
_CHROMA = {"420": "4:2:0", "422": "4:2:2", "444": "4:4:4"}


def failure(url: str, error: MediaError) -> tuple[int, str]:
    """MediaConvert's error code and message for a file that cannot be opened."""
    if error.reason == "no_moov":
        return 1075, f"Unable to open input file [{url}]: [Failed probe/open: [no moov box found in file]]"
    if error.reason == "corrupt":
        return 1075, f"Unable to open input file [{url}]: [Failed probe/open: [{error}]]"
    return 1010, f"Unable to open input file [{url}]: [Failed probe/open: [No parser found for container]]"


def codec_name(track: Track) -> str:
    """MediaConvert's name of a track's codec, or UNKNOWN."""
    if track.codec.startswith("pcm_"):
        return "PCM"
    return _CODECS.get(track.codec, "UNKNOWN")


def result(media: Media, etag: str, modified: datetime) -> dict[str, Any]:
    """The ProbeResult of a file."""
    kind = _MIME.get(_format(media), "application/octet-stream")
    if media.video is None:
        kind = kind.replace("video/", "audio/")
    return {
        "Container": _container(media),
        "Metadata": {"ETag": etag, "FileSize": media.size, "LastModified": modified, "MimeType": kind},
        "TrackMappings": [_mapping(media)],
    }


def _container(media: Media) -> dict[str, Any]:
    states_duration = _format(media) not in _UNTIMED and not media.is_fragmented
    container: dict[str, Any] = {
        "Tracks": [_track(track, states_duration) for track in media.tracks],
    }
    if format_ := _format(media):  # "blank if your media file has a format that … Probe … does not recognize" (Format)
        container["Format"] = format_
    if media.duration_s and states_duration:
        container["Duration"] = round(media.duration_s, 6)
        container["BitRate"] = round(media.size * 8 / media.duration_s)
    return container


def _format(media: Media) -> str:
    names = media.format.split(",")
    if "mp4" in names:
        if media.brand == "qt":
            return "quicktime"
        return "three_g2" if media.brand.startswith("3g2") else "three_gp" if media.brand.startswith("3g") else "mp4"
    if "matroska" in names and {codec_name(t) for t in media.tracks if t.kind != "data"} <= _WEB_CODECS:
        return "webm"
    return next((_FORMATS[name] for name in names if name in _FORMATS), "")


def _track(track: Track, states_duration: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"Index": track.index + 1, "TrackType": track.kind, "Codec": codec_name(track)}
    if track.duration_s and states_duration:
        shape["Duration"] = round(track.duration_s, 6)
    if track.kind == "video":
        shape["VideoProperties"] = _video(track)
    elif track.kind == "audio":
        shape["AudioProperties"] = _audio(track)
    else:
        shape["DataProperties"] = {"LanguageCode": track.language} if track.language else {}
    return shape


def _ratio(value: Fraction) -> dict[str, int]:
    return {"Numerator": value.numerator, "Denominator": value.denominator}


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _video(track: Track) -> dict[str, Any]:
    primaries, transfer, matrix = track.color
    aspect = track.aspect or Fraction(1)
    chroma = next((ratio for code, ratio in _CHROMA.items() if code in (track.pixel_format or "")), None)
    common = _present(
        BitDepth=track.bit_depth,
        Width=track.width,
        Height=track.height,
        ColorPrimaries=_PRIMARIES.get(primaries, "UNSPECIFIED"),
        TransferCharacteristics=_TRANSFER.get(transfer, "UNSPECIFIED"),
        MatrixCoefficients=_MATRIX.get(matrix, "UNSPECIFIED"),
    )
    if track.width and track.height:
        common["SampleAspectRatio"] = _ratio(aspect)
        common["DisplayAspectRatio"] = _ratio(aspect * Fraction(track.width, track.height))
    rate = _ratio(track.frame_rate) if track.frame_rate else None
    codec = common | _present(
        Profile=track.profile,
        Level=_level(track),
        ChromaSubsampling=chroma,
        CodedFrameRate=rate,
        ScanType="Progressive",
    )
    # "For MP4, non-standard transformation matrices also yield null" (API model, VideoProperties.Rotation).
    rotation = None if track.is_mirrored else track.rotation or None
    return common | _present(BitRate=track.bit_rate, FrameRate=rate, Rotation=rotation, CodecMetadata=codec)


def _level(track: Track) -> str | None:
    """ "4.1" for H.264's 41 and H.265's 123."""
    if not track.level or track.level < 0:
        return None
    value = track.level / (30 if track.codec == "hevc" else 10)
    return f"{value:.1f}".removesuffix(".0")


def _audio(track: Track) -> dict[str, Any]:
    return _present(
        BitDepth=track.bit_depth,
        BitRate=track.bit_rate,
        Channels=track.channels,
        SampleRate=track.sample_rate,
        LanguageCode=track.language,
        ChannelLayout={1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}.get(track.channels),
    )


def _mapping(media: Media) -> dict[str, list[int]]:
    return {
        f"{kind.capitalize()}TrackIndexes": [t.index + 1 for t in media.tracks if t.kind == kind]
        for kind in ("video", "audio", "data")
    }
