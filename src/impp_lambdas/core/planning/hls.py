"""The output group of a MediaConvert job that makes an HLS presentation: CMAF tracks of H.264 and AAC, and playlists.

Each rung is one file whose segments are byte ranges (`SINGLE_FILE`): an hour is a handful of objects instead of
thousands, each of which would be a request to pay and a line to list. There is no DASH manifest: hls.js and Apple's
players read HLS, and no part of the pipeline reads DASH. Pictures and sound are outputs of their own, so that sound is
stored once. AWS's pricing page says "per minute of content output" and has a rate for outputs of sound alone; it does
not say whether the sound of such a group is one. The price book takes it for one, which is the dearer reading.

Where a setting is explained below, the words are those of the API's model (botocore, `CmafGroupSettings` and
`CmfcSettings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from impp_lambdas.core import keys
from impp_lambdas.core.planning import jobs, ladder

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Streams

SEGMENT_S = 6
"""Apple's recommendation (HLS authoring specification, 7.5); a multiple of the GOP, so that rungs align."""
NAME, AUDIO = "hls", "hls-audio"
AUDIO_GROUP = "audio"
"""GROUP-ID of the sound in the main playlist (`AudioGroupId`), which the pictures refer to (`AudioRenditionSets`)."""
RUNGS = (
    ladder.Rung(NAME, 2160, 7, 0.08),
    ladder.Rung(NAME, 1080, 7, 0.10),
    ladder.Rung(NAME, 480, 7, 0.14),
)
LEAST_STEP = 1.3
"""A rung is left out if the next larger picture has less than this many times its short side."""


def rungs(asset: str, streams: Streams, *, is_small_ours: bool = False) -> list[ladder.Rendition]:
    """The tracks of an original, largest picture first, sound last; none if it has no picture to encode. Their keys are
    those of their playlists.

    `is_small_ours`: a function makes the smallest of several pictures. MediaConvert makes all others, and the main
    playlist, which therefore has one of its own at least.
    """
    if streams.kind != "video" or not streams.is_encodable or not streams.width or not streams.height:
        return []
    chosen: list[ladder.Rendition] = []
    for rung in RUNGS:
        width, height = ladder.fit(streams.width, streams.height, rung.short_side)
        short = min(width, height)
        if short < ladder.MIN_SIDE or (chosen and _short_side(chosen[-1]) < LEAST_STEP * short):
            continue
        fps = ladder.reduce_rate(streams.fps, ladder.MAX_FPS)
        rate = rung.bits * width * height * (streams.fps if streams.fps and not fps else float(ladder.MAX_FPS))
        bitrate = round(min(max(rate, ladder.MIN_BITRATE), ladder.MAX_BITRATE))
        name = f"{NAME}-{short}"
        chosen.append(ladder.Rendition(name, playlist(asset, name), width, height, fps, rung.quality, bitrate))
    if is_small_ours and len(chosen) > 1 and streams.fps:
        small = chosen[-1]
        chosen[-1] = replace(small, engine="lambda", fps=small.fps or ladder.fraction(streams.fps))
    if chosen and streams.has_encodable_audio:
        chosen.append(ladder.Rendition(AUDIO, playlist(asset, AUDIO), None, None, None, None, jobs.STEREO[1]))
    return chosen


def is_track(name: str) -> bool:
    """Whether a rendition of this name is a track of a presentation."""
    return name.startswith(f"{NAME}-")


def playlist(asset: str, name: str = NAME) -> str:
    """The key of a track's playlist, by default that of the main one."""
    return keys.delivery(asset, f"hls/{name}.m3u8")


def group(bucket: str, asset: str, renditions: Sequence[ladder.Rendition], streams: Streams) -> dict[str, Any]:
    """The output group that makes :func:`rungs` in `bucket`, and the main playlist."""
    return {
        "Name": "HLS",
        "OutputGroupSettings": {
            "Type": "CMAF_GROUP_SETTINGS",
            "CmafGroupSettings": {
                "Destination": f"s3://{bucket}/{keys.delivery(asset, f'hls/{NAME}')}",
                "SegmentControl": "SINGLE_FILE",
                "SegmentLength": SEGMENT_S,
                "FragmentLength": jobs.GOP_SECONDS,
                "WriteHlsManifest": "ENABLED",
                "WriteDashManifest": "DISABLED",
                "CodecSpecification": "RFC_6381",
                "ManifestDurationFormat": "FLOATING_POINT",
                "StreamInfResolution": "INCLUDE",
                # "The earliest presentation time will be equal to zero": pictures begin with the sound.
                "VideoCompositionOffsets": "SIGNED",
            },
        },
        "Outputs": [_output(rendition, streams) for rendition in renditions],
    }


def _output(rendition: ladder.Rendition, streams: Streams) -> dict[str, Any]:
    cmfc: dict[str, str] = {}
    output = {
        "NameModifier": rendition.name.removeprefix(NAME),
        "ContainerSettings": {"Container": "CMFC", "CmfcSettings": cmfc},
    }
    if not rendition.width:
        # "Choose Alternate audio, auto select, default to set DEFAULT=YES and AUTOSELECT=YES."
        cmfc |= {"AudioGroupId": AUDIO_GROUP, "AudioTrackType": "ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT"}
        return output | {"AudioDescriptions": [jobs.sound(streams)]}
    if streams.has_encodable_audio:
        cmfc["AudioRenditionSets"] = AUDIO_GROUP
    video = jobs.picture(rendition, streams)
    # A key frame at a scene change would end a segment in one rung and not in another.
    video["CodecSettings"]["H264Settings"]["SceneChangeDetect"] = "DISABLED"
    return output | {"VideoDescription": video}


def _short_side(rendition: ladder.Rendition) -> int:
    return min(rendition.width or 0, rendition.height or 0)
