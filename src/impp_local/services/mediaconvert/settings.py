"""Checks of a CreateJob request. The messages are MediaConvert's: a JSON path and the fault at it.

First the shape is checked by the botocore model (names, enumerations, bounds), then the settings against each other.
Paths start at the job's settings (`/outputGroups/0/outputs/0/videoDescription/width: Should be less than or equal to
8192`), and faults are joined by ` | `, as MediaConvert does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import botocore.session

from impp_local.kernel.contract import AwsError

S3_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.*)", re.DOTALL)

CONTAINERS = {
    "FILE_GROUP_SETTINGS": {"MP4": "mp4", "MOV": "mov", "RAW": "jpg"},
    "HLS_GROUP_SETTINGS": {"M3U8": "ts"},
    "CMAF_GROUP_SETTINGS": {"CMFC": "cmfv"},
}
"""File extensions of the supported containers, by type of output group."""

GROUP_MEMBERS = {
    "FILE_GROUP_SETTINGS": "FileGroupSettings",
    "HLS_GROUP_SETTINGS": "HlsGroupSettings",
    "CMAF_GROUP_SETTINGS": "CmafGroupSettings",
}
"""The member of OutputGroupSettings with the settings, by type of output group."""

SDR = {"ColorSpaceConversion": "FORCE_709"}
"""The one color correction that is supported."""
VIDEO_CODECS = ("H_264", "H_265", "FRAME_CAPTURE")

_REFUSED_INPUT = (
    "AudioSelectorGroups",
    "CaptionSelectors",
    "Crop",
    "DecryptionSettings",
    "DynamicAudioSelectors",
    "ImageInserter",
    "InputClippings",
    "MultiViewSettings",
    "Position",
    "TamsSettings",
    "VideoGenerator",
    "VideoOverlays",
)
_REFUSED_SETTINGS = (
    "AvailBlanking",
    "ColorConversion3DLUTSettings",
    "Esam",
    "KantarWatermark",
    "MotionImageInserter",
    "MotionImageInserters",
    "NielsenConfiguration",
    "NielsenNonLinearWatermark",
    "TimedMetadataInsertion",
)
_REFUSED_VIDEO = ("Crop", "Position")
_UNSUPPORTED = "The local cloud's MediaConvert does not support this"
_RATE_CONTROL_CONFLICT = (
    "Your job contains values for the following settings that are incompatible: Rate control mode, Bitrate, and Max "
    "bitrate. Adjust your settings and resubmit your job. Some valid combinations of settings are these: Set Rate "
    "control mode to QVBR, specify a value for Max bitrate, and don't specify a value for Bitrate. Or, set Rate "
    "control mode to CBR, specify a value for Bitrate, and don't specify a value for Max bitrate."
)

Shape = Mapping[str, Any]
Fault = tuple[str, str]
"""A JSON path and the fault at it."""


def check(body: Any, params: Shape) -> None:
    """Raise BadRequestException for an invalid or unsupported request.

    `body` is the JSON as sent, `params` the same under the model's names.
    """
    faults = list(_shape_faults(body, _input_shape(), "")) or list(_faults(params))
    if faults:
        raise AwsError("BadRequestException", " | ".join(f"{path or '/'}: {what}" for path, what in faults))


@lru_cache(maxsize=1)
def _input_shape() -> Any:
    model = botocore.session.get_session().get_service_model("mediaconvert")
    return model.operation_model("CreateJob").input_shape


def _shape_faults(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    """The parts of a JSON value that violate its shape."""
    location = path.removeprefix("/settings") or path
    if shape.type_name == "structure":
        yield from _structure_faults(value, shape, path, location)
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield location, "Should be array"
            return
        for index, item in enumerate(value):
            yield from _shape_faults(item, shape.member, f"{path}/{index}")
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            yield location, "Should be object"
            return
        for key, item in value.items():
            yield from _shape_faults(item, shape.value, f"{path}/{key}")
    else:
        yield from ((location, what) for what in _scalar_faults(value, shape))


def _structure_faults(value: Any, shape: Any, path: str, location: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield location, "Should be object"
        return
    by_wire = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    for name, item in value.items():
        if name not in by_wire:
            yield location, f"{name} is not a recognized property"
        elif item is not None:
            yield from _shape_faults(item, by_wire[name], f"{path}/{name}")
    for required in shape.required_members:
        wire = shape.members[required].serialization.get("name", required)
        if value.get(wire) is None:
            yield location, f"{wire} is a required property"


_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "string"),
    "integer": ((int,), "integer"),
    "long": ((int,), "integer"),
    "double": ((int, float), "number"),
    "boolean": ((bool,), "boolean"),
}


def _scalar_faults(value: Any, shape: Any) -> Iterator[str]:
    types, type_name = _TYPES.get(shape.type_name, ((object,), "value"))
    if not isinstance(value, types) or (isinstance(value, bool) and type_name not in ("boolean", "value")):
        yield f"Should be {type_name}"
        return
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield f"Should be equal to one of the allowed values in {json.dumps(sorted(allowed), separators=(',', ':'))}"
    size = len(value) if isinstance(value, str) else value
    noun = " characters" if isinstance(value, str) else ""
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(size, (int, float)):
        if minimum is not None and size < minimum:
            yield f"Should be greater than or equal to {minimum}{noun}"
        if maximum is not None and size > maximum:
            yield f"Should be less than or equal to {maximum}{noun}"


# Settings against each other -----------------------------------------------------------------------------------------


def _faults(params: Shape) -> Iterator[Fault]:
    for name in ("JobTemplate", "HopDestinations"):
        if params.get(name):
            yield f"/{name[0].lower()}{name[1:]}", _UNSUPPORTED
    settings = params.get("Settings") or {}
    yield from _refused(settings, _REFUSED_SETTINGS, "")
    inputs, groups = settings.get("Inputs") or [], settings.get("OutputGroups") or []
    if not inputs:
        yield "", "inputs is a required property"
    if len(inputs) > 1:
        yield "/inputs", "The local cloud's MediaConvert supports one input"
    for index, source in enumerate(inputs):
        yield from _input_faults(source, f"/inputs/{index}")
    if not groups:
        yield "", "outputGroups is a required property"
    for index, group in enumerate(groups):
        yield from _group_faults(group, inputs[0] if inputs else {}, f"/outputGroups/{index}")


def _refused(value: Shape, names: tuple[str, ...], path: str) -> Iterator[Fault]:
    for name in names:
        if value.get(name):
            yield f"{path}/{name[0].lower()}{name[1:]}", _UNSUPPORTED


def _input_faults(source: Shape, path: str) -> Iterator[Fault]:
    yield from _refused(source, _REFUSED_INPUT, path)
    if not S3_URL.fullmatch(source.get("FileInput") or ""):
        yield f"{path}/fileInput", "Should be the S3 URL of a file: s3://bucket/key"
    for name, selector in (source.get("AudioSelectors") or {}).items():
        if len(selector.get("Tracks") or []) > 1 or selector.get("ExternalAudioFileInput"):
            yield f"{path}/audioSelectors/{name}", "The local cloud's MediaConvert supports one track per selector"


def _group_faults(group: Shape, source: Shape, path: str) -> Iterator[Fault]:
    settings = group.get("OutputGroupSettings") or {}
    kind = settings.get("Type")
    if group.get("AutomatedEncodingSettings") or kind not in CONTAINERS:
        yield f"{path}/outputGroupSettings", f"The local cloud's MediaConvert supports {' and '.join(CONTAINERS)}"
        return
    member = GROUP_MEMBERS[str(kind)]
    wire = member[0].lower() + member[1:]
    if not S3_URL.fullmatch((settings.get(member) or {}).get("Destination") or ""):
        yield f"{path}/outputGroupSettings/{wire}/destination", "Should be an S3 URL: s3://bucket/prefix"
    if kind == "CMAF_GROUP_SETTINGS":
        yield from _cmaf_faults(settings.get(member) or {}, f"{path}/outputGroupSettings/{wire}")
    outputs = group.get("Outputs") or []
    if not outputs:
        yield path, "outputs is a required property"
    names = [
        (o.get("NameModifier", ""), o.get("Extension"), (o.get("ContainerSettings") or {}).get("Container"))
        for o in outputs
    ]
    for index, output in enumerate(outputs):
        if names.index(names[index]) != index:
            yield f"{path}/outputs/{index}/nameModifier", "Two outputs of the group would have the same name"
        yield from _output_faults(output, source, kind, f"{path}/outputs/{index}")


def _cmaf_faults(cmaf: Shape, path: str) -> Iterator[Fault]:
    """One file per output, and HLS's playlists alone. MediaConvert writes both manifests unless one is disabled."""
    if cmaf.get("SegmentControl", "SINGLE_FILE") != "SINGLE_FILE":
        yield f"{path}/segmentControl", "The local cloud's MediaConvert supports SINGLE_FILE"
    if cmaf.get("WriteDashManifest", "ENABLED") != "DISABLED":
        yield f"{path}/writeDashManifest", "The local cloud's MediaConvert writes no DASH manifest: DISABLED"
    if cmaf.get("WriteHlsManifest", "ENABLED") != "ENABLED":
        yield f"{path}/writeHlsManifest", "Should be ENABLED"


def _cmfc_faults(output: Shape, path: str) -> Iterator[Fault]:
    """One track per output, and sound in a group that has a name: MediaConvert's own names are not documented."""
    video, audio = output.get("VideoDescription"), output.get("AudioDescriptions")
    if video and audio:
        yield path, "An output of a CMAF group has either a videoDescription or audioDescriptions"
    cmfc = (output.get("ContainerSettings") or {}).get("CmfcSettings") or {}
    wire = f"{path}/containerSettings/cmfcSettings"
    if audio and not cmfc.get("AudioGroupId"):
        yield f"{wire}/audioGroupId", "The local cloud's MediaConvert requires it"
    default = "ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT"
    if cmfc.get("AudioTrackType", default) != default:
        yield f"{wire}/audioTrackType", f"The local cloud's MediaConvert supports {default}"


def _output_faults(output: Shape, source: Shape, kind: str, path: str) -> Iterator[Fault]:
    yield from _refused(output, ("CaptionDescriptions", "Preset"), path)
    container = (output.get("ContainerSettings") or {}).get("Container")
    video, audio = output.get("VideoDescription"), output.get("AudioDescriptions") or []
    if container not in CONTAINERS[kind]:
        yield f"{path}/containerSettings/container", f"The local cloud supports {', '.join(CONTAINERS[kind])} here"
    if kind == "CMAF_GROUP_SETTINGS":
        yield from _cmfc_faults(output, path)
    if kind != "FILE_GROUP_SETTINGS" and not output.get("NameModifier"):
        yield path, "nameModifier is a required property"
    if not video and not audio:
        yield path, "An output needs a videoDescription or audioDescriptions"
    if video:
        yield from _video_faults(video, container, f"{path}/videoDescription")
    if len(audio) > 1:
        yield f"{path}/audioDescriptions", "The local cloud's MediaConvert supports one audio track per output"
    for index, description in enumerate(audio):
        yield from _audio_faults(description, source, f"{path}/audioDescriptions/{index}")


def _video_faults(video: Shape, container: str | None, path: str) -> Iterator[Fault]:
    yield from _refused(video, _REFUSED_VIDEO, path)
    for side in ("Width", "Height"):
        if (video.get(side) or 0) % 2:
            yield f"{path}/{side.lower()}", "Should be a multiple of 2"
    if video.get("ScalingBehavior") == "SMART_CROP":
        yield f"{path}/scalingBehavior", "The local cloud's MediaConvert does not support SMART_CROP"
    preprocessors = video.get("VideoPreprocessors") or {}
    if unknown := set(preprocessors) - {"Deinterlacer", "ColorCorrector"}:
        names = ", ".join(sorted(unknown))
        yield f"{path}/videoPreprocessors", f"The local cloud's MediaConvert does not support {names}"
    if preprocessors.get("ColorCorrector", SDR) != SDR:
        fault = "The local cloud's MediaConvert supports colorSpaceConversion FORCE_709"
        yield f"{path}/videoPreprocessors/colorCorrector", fault
    codec = (video.get("CodecSettings") or {}).get("Codec")
    if codec not in VIDEO_CODECS:
        yield f"{path}/codecSettings/codec", f"The local cloud's MediaConvert supports {', '.join(VIDEO_CODECS)}"
    elif (codec == "FRAME_CAPTURE") != (container == "RAW"):
        yield f"{path}/codecSettings/codec", "FRAME_CAPTURE and the container RAW require each other"
    elif codec != "FRAME_CAPTURE":
        name = "H264Settings" if codec == "H_264" else "H265Settings"
        wire = "h264Settings" if codec == "H_264" else "h265Settings"
        yield from _rate_faults(video["CodecSettings"].get(name) or {}, f"{path}/codecSettings/{wire}")


def _rate_faults(codec: Shape, path: str) -> Iterator[Fault]:
    mode, bitrate, maximum = codec.get("RateControlMode"), codec.get("Bitrate"), codec.get("MaxBitrate")
    if mode is None:
        yield path, "rateControlMode is a required property"
    elif (mode == "QVBR" and (bitrate or not maximum)) or (mode == "CBR" and (maximum or not bitrate)):
        yield path, _RATE_CONTROL_CONFLICT
    elif mode == "VBR" and not bitrate:
        yield path, "bitrate is a required property"
    elif mode != "QVBR" and codec.get("QvbrSettings"):
        yield f"{path}/qvbrSettings", "Rate control mode must be QVBR"
    if codec.get("FramerateControl") == "SPECIFIED":
        for name in ("FramerateNumerator", "FramerateDenominator"):
            if not codec.get(name):
                yield path, f"{name[0].lower()}{name[1:]} is a required property"
    if codec.get("InterlaceMode", "PROGRESSIVE") != "PROGRESSIVE":
        yield f"{path}/interlaceMode", "The local cloud's MediaConvert supports PROGRESSIVE"


def _audio_faults(description: Shape, source: Shape, path: str) -> Iterator[Fault]:
    yield from _refused(description, ("RemixSettings", "AudioNormalizationSettings"), path)
    selectors = source.get("AudioSelectors") or {}
    name = description.get("AudioSourceName")
    if name is not None and name not in selectors:
        yield f"{path}/audioSourceName", f"There is no audio selector named {json.dumps(name)} in the input"
    elif not selectors:
        yield path, "The input has no audio selectors"
    codec = description.get("CodecSettings") or {}
    if codec.get("Codec") != "AAC":
        yield f"{path}/codecSettings/codec", "The local cloud's MediaConvert supports AAC"
        return
    aac = codec.get("AacSettings") or {}
    for required in ("CodingMode", "SampleRate"):
        if not aac.get(required):
            yield f"{path}/codecSettings/aacSettings", f"{required[0].lower()}{required[1:]} is a required property"
    if aac.get("RateControlMode", "CBR") == "CBR" and not aac.get("Bitrate"):
        yield f"{path}/codecSettings/aacSettings", "bitrate is a required property"
    if aac.get("CodecProfile", "LC") != "LC":
        yield f"{path}/codecSettings/aacSettings/codecProfile", "The local cloud's MediaConvert supports LC"
