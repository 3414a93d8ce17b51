"""Translates a job's settings, for a probed input, into ffmpeg's arguments and the files that they produce.

MediaConvert's settings as x264's and x265's:

- QVBR level L (1..10, 7 when not given) → constant rate factor 35.5 - 1.8 L, rounded (7 → 23, x264's own default;
  9 → 19; 10 → 18), capped by `MaxBitrate` over a buffer of `HrdBufferSize` or two seconds.
- VBR → average `Bitrate`, capped by `MaxBitrate`; CBR → the same rate as floor and cap.
- GOP in frames or seconds; AUTO is two seconds. A closed GOP of exactly that length where scene changes are off.
- Pixels are square in every output, frame rates constant, as MediaConvert makes them when it is asked to.
- Scaling DEFAULT and FIT fit the picture into the size with black bars, FILL crops it, STRETCH_TO_OUTPUT distorts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from impp_local.engines.video import Media, Track, input_options, output_path
from impp_local.services.mediaconvert.prober import codec_name
from impp_local.services.mediaconvert.settings import CONTAINERS, GROUP_MEMBERS, S3_URL

Shape = Mapping[str, Any]

_ROTATE = {"DEGREE_0": 0, "DEGREES_90": 90, "DEGREES_180": 180, "DEGREES_270": 270}
_TURN = {0: [], 90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}
_CHANNELS = {
    "CODING_MODE_1_0": 1,
    "CODING_MODE_1_1": 1,
    "CODING_MODE_2_0": 2,
    "CODING_MODE_5_1": 6,
    "AD_RECEIVER_MIX": 1,
}
_AAC_VBR = {"LOW": 64_000, "MEDIUM_LOW": 96_000, "MEDIUM_HIGH": 128_000, "HIGH": 192_000}
_DEFAULT_QUALITY = 7
_SAME_SHAPE_PX = 4
_HLS_SEGMENT_S = 10
_MAX_FPS = 60
_HDR_TRANSFERS = {16, 18}
"""PQ and HLG (ISO/IEC 23091-2)."""
_HDR_TO_SDR = [
    "zscale=transfer=linear:npl=100",
    "format=gbrpf32le",
    "zscale=primaries=bt709",
    "tonemap=hable:desat=0",
    "zscale=transfer=bt709:matrix=bt709:range=tv",
    "format=yuv420p",
]
"""As ffmpeg's documentation of `tonemap` has it. MediaConvert's own curve is not published."""


class JobError(Exception):
    """Ends a job as ERROR with MediaConvert's code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Rendition:
    """One output: its ffmpeg arguments, its local folder and first file, and the location of its files on S3.

    `group` is the index of its output group; `extension` is appended to `key_prefix` in `bucket`; `codec` is
    MediaConvert's name, `passes` the quality tuning level, `fps` 0 for audio only and for captures; `audio_group` is
    the group that the sound of a CMAF group belongs to, and a picture refers to.
    """

    group: int
    bucket: str
    key_prefix: str
    extension: str
    folder: str
    main_file: str
    arguments: tuple[str, ...]
    codec: str | None
    passes: str
    width: int | None
    height: int | None
    fps: float
    audio_group: str = ""


@dataclass(frozen=True)
class Plan:
    """A complete job: the arguments before the outputs, and the outputs."""

    arguments: tuple[str, ...]
    renditions: tuple[Rendition, ...]

    def command(self, work: Path) -> list[str]:
        """ffmpeg's arguments to write below `work`, where the renditions' folders must exist."""
        command = list(self.arguments)
        for rendition in self.renditions:
            command += [*rendition.arguments, output_path(work / rendition.folder / rendition.main_file)]
        return command


@dataclass(frozen=True)
class _Output:
    """An output's settings with those of its group, their indexes, and its number among all outputs, from 1."""

    settings: Shape
    group: Shape
    group_index: int
    index: int
    number: int

    @property
    def group_type(self) -> str:
        return str(self.group["OutputGroupSettings"]["Type"])

    @property
    def container(self) -> str:
        return str(self.settings["ContainerSettings"]["Container"])


def make_plan(settings: Shape, media: Media, path: Path, threads: int) -> Plan:
    """The plan of a job for a probed input. Raises `JobError` for settings that do not suit the input."""
    source = settings["Inputs"][0]
    renditions = tuple(_rendition(source, output, media, threads) for output in _outputs(settings))
    if source["FileInput"] in (f"s3://{r.bucket}/{r.key_prefix}.{r.extension}" for r in renditions):
        raise JobError(1040, f"Duplicate input and output path [{source['FileInput']}] found in job.")
    # Filters rotate the picture, so that no output has rotation metadata.
    before = ["-noautorotate", "-display_rotation", "0"] if media.video else []
    return Plan((*before, *input_options(path)), renditions)


def _outputs(settings: Shape) -> list[_Output]:
    outputs = [
        (output, group, group_index, index)
        for group_index, group in enumerate(settings["OutputGroups"])
        for index, output in enumerate(group["Outputs"])
    ]
    return [_Output(*output, number) for number, output in enumerate(outputs, start=1)]


def _rendition(source: Shape, output: _Output, media: Media, threads: int) -> Rendition:
    bucket, prefix = _destination(output.group, source["FileInput"])
    video = output.settings.get("VideoDescription")
    arguments: list[str] = ["-map_metadata", "-1", "-map_chapters", "-1"]
    width = height = None
    fps = 0.0
    codec = passes = ""
    if video:
        track = _video_track(media, source)
        width, height, filters = _picture(video, track, _rotation(source, track), output.number)
        codec = video["CodecSettings"]["Codec"]
        rate = _frame_rate(video, track, output.number)
        codec_settings = video["CodecSettings"].get("H264Settings") or video["CodecSettings"].get("H265Settings") or {}
        passes = codec_settings.get("QualityTuningLevel", "SINGLE_PASS")
        fps = 0.0 if codec == "FRAME_CAPTURE" else float(rate)
        arguments += ["-map", f"0:{track.index}", *_encoder(video["CodecSettings"], rate, filters, threads)]
    for description in output.settings.get("AudioDescriptions") or []:
        arguments += _sound(description, source, media)
    main_file, muxer = _muxer(output)
    cmfc = output.settings["ContainerSettings"].get("CmfcSettings") or {}
    return Rendition(
        group=output.group_index,
        bucket=bucket,
        key_prefix=prefix + output.settings.get("NameModifier", ""),
        extension=_extension(output),
        folder=f"{output.group_index}-{output.index}",
        main_file=main_file,
        arguments=(*arguments, *muxer),
        codec=codec or None,
        passes=passes,
        width=width,
        height=height,
        fps=fps,
        audio_group=cmfc.get("AudioRenditionSets" if video else "AudioGroupId", ""),
    )


def _extension(output: _Output) -> str:
    if output.group_type in ("HLS_GROUP_SETTINGS", "CMAF_GROUP_SETTINGS"):
        return "m3u8"
    return output.settings.get("Extension") or CONTAINERS[output.group_type][output.container]


def _destination(group: Shape, file_input: str) -> tuple[str, str]:
    """Bucket and key up to the name modifier. A destination that ends with `/` is a folder, whose files take the
    input's name."""
    settings = group["OutputGroupSettings"]
    destination = settings[GROUP_MEMBERS[settings["Type"]]]["Destination"]
    match = S3_URL.fullmatch(destination)
    assert match  # checked when the job was created
    bucket, prefix = match.groups()
    if not prefix or prefix.endswith("/"):
        prefix += posixpath.splitext(posixpath.basename(file_input))[0]
    return bucket, prefix


# Picture -------------------------------------------------------------------------------------------------------------


def _video_track(media: Media, source: Shape) -> Track:
    if media.video is None or codec_name(media.video) == "UNKNOWN":
        raise JobError(
            1020,
            (
                f"Your input file [{source['FileInput']}] doesn't have video that the transcoder can consume. Check "
                "your input video codec against the list of supported input video codec and container combinations."
            ),
        )
    return media.video


def _rotation(source: Shape, track: Track) -> int:
    """Clockwise degrees. AWS documents AUTO for pure rotations only: "if the rotation metadata specifies any other
    rotation, the service will default to no rotation". Taken to include mirrored pictures, which Probe reports without
    a rotation. No setting of MediaConvert mirrors."""
    rotate = (source.get("VideoSelector") or {}).get("Rotate", "DEGREE_0")
    if rotate == "AUTO":
        return 0 if track.is_mirrored else track.rotation
    return _ROTATE[rotate]


def _picture(video: Shape, track: Track, rotation: int, number: int) -> tuple[int, int, list[str]]:
    """The size of the output, and the filters that scale the picture to it."""
    filters = list(_TURN[rotation])
    if (video.get("VideoPreprocessors") or {}).get("Deinterlacer"):
        filters.insert(0, "yadif")
    if (video.get("VideoPreprocessors") or {}).get("ColorCorrector") and track.color[1] in _HDR_TRANSFERS:
        filters += _HDR_TO_SDR
    shown_w, shown_h = round(track.width * (track.aspect or 1)), track.height
    if rotation in (90, 270):
        shown_w, shown_h = shown_h, shown_w
    width, height = _size(video.get("Width"), video.get("Height"), shown_w, shown_h)
    if width % 2 or height % 2:
        raise JobError(
            1040,
            f"Invalid resolution [{width} x {height}], only even values are supported. video_description [{number}].",
        )
    return width, height, [*filters, *_scale(video, (shown_w, shown_h), (width, height)), "setsar=1"]


def _size(width: int | None, height: int | None, shown_w: int, shown_h: int) -> tuple[int, int]:
    """The requested size; a side that is not requested keeps the input's aspect ratio."""
    if width:
        return width, height or round(shown_h * width / shown_w)
    if height:
        return round(shown_w * height / shown_h), height
    return shown_w, shown_h


def _scale(video: Shape, shown: tuple[int, int], target: tuple[int, int]) -> list[str]:
    behavior = video.get("ScalingBehavior", "DEFAULT")
    width, height = target
    factor = min(width / shown[0], height / shown[1])
    if behavior == "FIT_NO_UPSCALE":
        factor = min(factor, 1.0)
    fitted = round(shown[0] * factor), round(shown[1] * factor)
    if behavior == "STRETCH_TO_OUTPUT" or max(width - fitted[0], height - fitted[1]) < _SAME_SHAPE_PX:
        return [f"scale={width}:{height}:flags=bicubic"]
    if behavior == "FILL":
        return [f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=bicubic", f"crop={width}:{height}"]
    inner = [max(2, side - side % 2) for side in fitted]
    return [f"scale={inner[0]}:{inner[1]}:flags=bicubic", f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"]


def _frame_rate(video: Shape, track: Track, number: int) -> Fraction:
    codec = video["CodecSettings"]
    if codec["Codec"] == "FRAME_CAPTURE":
        capture = codec.get("FrameCaptureSettings") or {}
        return Fraction(capture.get("FramerateNumerator", 1), capture.get("FramerateDenominator", 1))
    settings = codec.get("H264Settings") or codec.get("H265Settings") or {}
    rate = track.frame_rate
    if settings.get("FramerateControl") == "SPECIFIED":
        rate = Fraction(settings["FramerateNumerator"], settings["FramerateDenominator"])
    if rate and rate > _MAX_FPS:  # stricter than AWS, which accepts more for some codecs, levels and sizes
        raise JobError(
            1040,
            f"The local cloud's MediaConvert encodes up to {_MAX_FPS} frames/s, not {float(rate):g}: "
            f"video_description [{number}].",
        )
    if not rate:
        raise JobError(
            1040,
            f"You did not specify framerate for Video description [{number}] and there is no input "
            "framerate to follow. To resolve: Specify framerate, and resubmit your job.",
        )
    return rate


def _encoder(codec: Shape, rate: Fraction, filters: list[str], threads: int) -> list[str]:
    if codec["Codec"] == "FRAME_CAPTURE":
        return _capture(codec.get("FrameCaptureSettings") or {}, rate, filters)
    h264 = codec["Codec"] == "H_264"
    settings = codec.get("H264Settings" if h264 else "H265Settings") or {}
    arguments = [
        "-vf",
        ",".join(filters),
        "-pix_fmt",
        "yuv420p",
        "-fps_mode",
        "cfr",
        "-r",
        str(rate),
        "-c:v",
        "libx264" if h264 else "libx265",
        "-preset",
        "veryfast",
        "-threads",
        str(threads),
    ]
    arguments += _rate_control(settings)
    gop, closed = _gop(settings, rate)
    arguments += ["-g", str(gop), *(["-keyint_min", str(gop), "-sc_threshold", "0"] if closed else [])]
    if (b_frames := settings.get("NumberBFramesBetweenReferenceFrames")) is not None:
        arguments += ["-bf", str(b_frames)]
    if h264:
        profile = settings.get("CodecProfile", "HIGH")
        return [*arguments, "-profile:v", {"MAIN": "main", "BASELINE": "baseline"}.get(profile, "high")]
    tag = "hev1" if settings.get("WriteMp4PackagingType") == "HEV1" else "hvc1"
    return [*arguments, "-tag:v", tag, "-x265-params", "log-level=error"]


def _rate_control(settings: Shape) -> list[str]:
    mode = settings["RateControlMode"]
    cap = int(settings.get("MaxBitrate") or settings["Bitrate"])
    buffer = settings.get("HrdBufferSize") or 2 * cap
    limits = ["-maxrate", str(cap), "-bufsize", str(buffer)]
    if mode == "QVBR":
        qvbr = settings.get("QvbrSettings") or {}
        level = qvbr.get("QvbrQualityLevel", _DEFAULT_QUALITY) + qvbr.get("QvbrQualityLevelFineTune", 0.0)
        return ["-crf", str(round(35.5 - 1.8 * level)), *limits]
    floor = ["-minrate", str(cap)] if mode == "CBR" else []
    return ["-b:v", str(settings["Bitrate"]), *floor, *limits]


def _gop(settings: Shape, rate: Fraction) -> tuple[int, bool]:
    """Frames from one key frame to the next, and whether that interval is fixed."""
    size, units = settings.get("GopSize"), settings.get("GopSizeUnits", "FRAMES" if settings.get("GopSize") else "AUTO")
    if units == "AUTO" or not size:
        frames = 2 * rate
    else:
        frames = Fraction(size) * rate if units == "SECONDS" else Fraction(size)
    return max(1, round(frames)), settings.get("SceneChangeDetect") == "DISABLED"


def _capture(settings: Shape, rate: Fraction, filters: list[str]) -> list[str]:
    """JPEG quality 1..100 becomes the quantiser 31..2."""
    quality = settings.get("Quality", 80)
    limit = ["-frames:v", str(settings["MaxCaptures"])] if settings.get("MaxCaptures") else []
    return [
        "-vf",
        ",".join([f"fps={rate}", *filters]),
        "-pix_fmt",
        "yuvj420p",
        "-c:v",
        "mjpeg",
        "-q:v",
        str(round(31 - 29 * (quality - 1) / 99)),
        *limit,
    ]


# Sound ---------------------------------------------------------------------------------------------------------------


def _sound(description: Shape, source: Shape, media: Media) -> list[str]:
    selectors = source["AudioSelectors"]
    name = description.get("AudioSourceName") or next(iter(selectors))
    track = _audio_track(media, selectors[name], name)
    aac = description["CodecSettings"]["AacSettings"]
    bitrate = aac.get("Bitrate") or _AAC_VBR[aac.get("VbrQuality", "MEDIUM_HIGH")]
    channels = _CHANNELS.get(aac["CodingMode"], track.channels or 2)
    if channels > track.channels:  # AWS does not document what it makes of fewer channels than the mode has
        raise JobError(
            1040, f"The local cloud's MediaConvert does not encode {track.channels} channels as {aac['CodingMode']}."
        )
    return [
        "-map",
        f"0:{track.index}",
        "-c:a",
        "aac",
        "-b:a",
        str(bitrate),
        "-ar",
        str(aac["SampleRate"]),
        "-ac",
        str(channels),
    ]


def _audio_track(media: Media, selector: Shape, name: str) -> Track:
    tracks = [t for t in media.tracks if t.kind == "audio" and codec_name(t) != "UNKNOWN"]
    number = (selector.get("Tracks") or [None])[0]
    if number is not None and number > len(tracks):
        raise JobError(
            1040,
            f"Invalid audio track specified for audio_selector [1]. Audio track [{number}] not found "
            "in input container.",
        )
    if not any(track.channels for track in tracks):
        raise JobError(1021, f"No audio frames decoded on [selector-({name})-track-1-drc]")
    if number is not None:
        return tracks[int(number) - 1]
    language = (selector.get("LanguageCode") or "").lower()
    matching = [track for track in tracks if language and track.language == language]
    return (matching or tracks)[0]


# Containers ----------------------------------------------------------------------------------------------------------


def _muxer(output: _Output) -> tuple[str, list[str]]:
    """The name of the (first) file in the output's folder, and the arguments to produce it."""
    if output.group_type == "HLS_GROUP_SETTINGS":
        hls = output.group["OutputGroupSettings"]["HlsGroupSettings"]
        seconds = hls.get("SegmentLength", _HLS_SEGMENT_S)
        arguments = ["-f", "hls", "-hls_time", str(seconds), "-hls_playlist_type", "vod"]
        return "index.m3u8", [*arguments, "-hls_list_size", "0", "-hls_flags", "independent_segments"]
    if output.group_type == "CMAF_GROUP_SETTINGS":
        cmaf = output.group["OutputGroupSettings"]["CmafGroupSettings"]
        seconds = cmaf.get("SegmentLength", _HLS_SEGMENT_S)
        arguments = ["-f", "hls", "-hls_time", str(seconds), "-hls_playlist_type", "vod", "-hls_list_size", "0"]
        arguments += ["-hls_segment_type", "fmp4", "-hls_flags", "single_file+independent_segments"]
        if cmaf.get("VideoCompositionOffsets") == "SIGNED":
            arguments += ["-avoid_negative_ts", "disabled", "-hls_segment_options", "movflags=+negative_cts_offsets"]
        return "index.m3u8", arguments
    if output.container == "RAW":
        return "%07d.jpg", ["-f", "image2", "-start_number", "0"]
    container = output.settings["ContainerSettings"]
    settings = container.get("Mp4Settings") or container.get("MovSettings") or {}
    fast = settings.get("MoovPlacement", "PROGRESSIVE_DOWNLOAD") == "PROGRESSIVE_DOWNLOAD"
    muxer = ["-f", output.container.lower(), *(["-movflags", "+faststart"] if fast else [])]
    return f"output.{CONTAINERS[output.group_type][output.container]}", muxer
