"""Settings of a MediaConvert job: H.264 and AAC in progressive MP4, quality-defined bitrate, upright.

Everything is within MediaConvert's Basic tier (AVC, one pass), which costs a fraction of the Professional tier.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Streams
    from impp_lambdas.core.planning.ladder import Rendition

GOP_SECONDS = 2
CODING_MODES = {1: ("CODING_MODE_1_0", 64_000)}
STEREO = ("CODING_MODE_2_0", 128_000)
"""AAC coding modes and bitrates by channels: mono stays mono; more channels than two, and an unknown number, become
stereo. Both are valid for the profile LC at 48 kHz (https://docs.aws.amazon.com/mediaconvert/latest/ug/aac-support.html)."""
AUDIO_RATE = 48_000
_SELECTOR = "Audio Selector 1"
_ROTATE = {0: "DEGREE_0", 90: "DEGREES_90", 180: "DEGREES_180", 270: "DEGREES_270"}
"""For mirrored pictures, for which AUTO is not documented. They become upright but stay mirrored: MediaConvert has no
setting that swaps left and right (API reference, InputRotate)."""


def settings(source: str, destination: str, renditions: Sequence[Rendition], streams: Streams) -> dict[str, Any]:
    """`Settings` of CreateJob that read `source` and write `<destination>-<name>.mp4` (both `s3://`).

    MediaConvert fails on an audio selector without a sound track that it can decode, so the job has none for a silent
    original, nor for a sound of unknown codec: one bad output fails all of them.
    """
    file: dict[str, Any] = {"FileInput": source, "TimecodeSource": "ZEROBASED"}
    if any(r.width for r in renditions):
        file["VideoSelector"] = {"Rotate": _ROTATE[streams.rotation] if streams.is_mirrored else "AUTO"}
    if streams.has_encodable_audio:
        file["AudioSelectors"] = {_SELECTOR: {"DefaultSelection": "DEFAULT"}}
    return {
        "TimecodeConfig": {"Source": "ZEROBASED"},
        "Inputs": [file],
        "OutputGroups": [
            {
                "Name": "Renditions",
                "OutputGroupSettings": {
                    "Type": "FILE_GROUP_SETTINGS",
                    "FileGroupSettings": {"Destination": destination},
                },
                "Outputs": [_output(r, streams) for r in renditions],
            }
        ],
    }


def _output(rendition: Rendition, streams: Streams) -> dict[str, Any]:
    output: dict[str, Any] = {
        "NameModifier": f"-{rendition.name}",
        "ContainerSettings": {"Container": "MP4", "Mp4Settings": {"MoovPlacement": "PROGRESSIVE_DOWNLOAD"}},
    }
    if rendition.width:
        output["VideoDescription"] = picture(rendition, streams)
    else:
        output["Extension"] = "m4a"
    if streams.has_encodable_audio:
        output["AudioDescriptions"] = [sound(streams)]
    return output


def sound(streams: Streams) -> dict[str, Any]:
    """One of an output's `AudioDescriptions`."""
    mode, bitrate = CODING_MODES.get(streams.audio_channels or 0, STEREO)
    return {
        "AudioSourceName": _SELECTOR,
        "CodecSettings": {
            "Codec": "AAC",
            "AacSettings": {"Bitrate": bitrate, "CodingMode": mode, "SampleRate": AUDIO_RATE},
        },
    }


def picture(rendition: Rendition, streams: Streams) -> dict[str, Any]:
    """`VideoDescription` of an output."""
    h264: dict[str, Any] = {
        "RateControlMode": "QVBR",
        "QvbrSettings": {"QvbrQualityLevel": rendition.quality},
        "MaxBitrate": rendition.max_bitrate,
        "QualityTuningLevel": "SINGLE_PASS_HQ",
        "CodecProfile": "HIGH",
        "SceneChangeDetect": "TRANSITION_DETECTION",
        "GopSizeUnits": "SECONDS",
        "GopSize": GOP_SECONDS,
        "GopClosedCadence": 1,
        "InterlaceMode": "PROGRESSIVE",
        "ParControl": "SPECIFIED",
        "ParNumerator": 1,
        "ParDenominator": 1,
        "FramerateControl": "INITIALIZE_FROM_SOURCE",
    }
    if rendition.fps:
        rate = Fraction(rendition.fps)
        h264 |= {
            "FramerateControl": "SPECIFIED",
            "FramerateNumerator": rate.numerator,
            "FramerateDenominator": rate.denominator,
            "FramerateConversionAlgorithm": "DUPLICATE_DROP",
        }
    video: dict[str, Any] = {
        "Width": rendition.width,
        "Height": rendition.height,
        "CodecSettings": {"Codec": "H_264", "H264Settings": h264},
    }
    if streams.is_hdr:  # 8-bit H.264 would show HDR's values as if they were SDR's: washed out
        # https://docs.aws.amazon.com/mediaconvert/latest/ug/converting-the-color-space.html
        video["VideoPreprocessors"] = {"ColorCorrector": {"ColorSpaceConversion": "FORCE_709"}}
    return video
