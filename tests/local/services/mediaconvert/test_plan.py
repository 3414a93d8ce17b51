"""MediaConvert's settings as ffmpeg's arguments; no media needed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from impp_local.engines.video import Media, Track
from impp_local.services.mediaconvert.plan import JobError, make_plan

VIDEO = Track(0, "video", "h264", width=1920, height=1080, frame_rate=Fraction(30000, 1001), aspect=Fraction(1))
SOUND = Track(1, "audio", "aac", channels=2, sample_rate=44100)


def media(*tracks: Track) -> Media:
    return Media("mov,mp4", "isom", 10.0, 1000, tracks)


def job(video: dict[str, Any] | None = None, *, codec: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    h264 = {"RateControlMode": "QVBR", "MaxBitrate": 5_000_000} | (codec or {})
    output: dict[str, Any] = {"NameModifier": "-web", "ContainerSettings": {"Container": "MP4"}}
    if video is not None:
        output["VideoDescription"] = {"CodecSettings": {"Codec": "H_264", "H264Settings": h264}, **video}
    group = {
        "Type": "FILE_GROUP_SETTINGS",
        "FileGroupSettings": {"Destination": parts.pop("destination", "s3://out-bucket/a/b")},
    }
    source = {"FileInput": "s3://in-bucket/folder/clip one.mp4", "AudioSelectors": {"Audio Selector 1": {}}, **parts}
    return {"Inputs": [source], "OutputGroups": [{"OutputGroupSettings": group, "Outputs": [output]}]}


def arguments(settings: dict[str, Any], *tracks: Track) -> dict[str, str]:
    """ffmpeg's options of the one output, by name."""
    return dict(pairwise(make_plan(settings, media(*tracks), Path("/in.mp4"), 1).renditions[0].arguments))


def test_a_file_name_is_never_an_option_or_a_protocol() -> None:
    plan = make_plan(job({}), media(VIDEO), Path("/tmp/-i http:x.mp4"), 1)
    assert plan.arguments[plan.arguments.index("-i") + 1] == "file:/tmp/-i http:x.mp4"
    assert "-protocol_whitelist" in plan.arguments and "-format_whitelist" in plan.arguments
    command = plan.command(Path("/work"))
    assert command[-1] == "file:/work/0-0/output.mp4"
    assert "clip one" not in " ".join(command)  # the object's name is not used


@pytest.mark.parametrize("level, crf", [(1, 34), (5, 26), (7, 23), (9, 19), (10, 18)])
def test_quality_levels_become_constant_rate_factors(level: int, crf: int) -> None:
    options = arguments(job({}, codec={"QvbrSettings": {"QvbrQualityLevel": level}}), VIDEO)
    assert (options["-crf"], options["-maxrate"], options["-bufsize"]) == (str(crf), "5000000", "10000000")


def test_bit_rates_gops_and_frame_rates() -> None:
    cbr = arguments(job({}, codec={"RateControlMode": "CBR", "Bitrate": 900_000, "MaxBitrate": None}), VIDEO)
    assert (cbr["-b:v"], cbr["-minrate"], cbr["-maxrate"]) == ("900000", "900000", "900000")
    assert (cbr["-r"], cbr["-fps_mode"], cbr["-g"]) == ("30000/1001", "cfr", "60")
    fixed = {
        "FramerateControl": "SPECIFIED",
        "FramerateNumerator": 25,
        "FramerateDenominator": 1,
        "GopSize": 1.0,
        "GopSizeUnits": "SECONDS",
        "SceneChangeDetect": "DISABLED",
    }
    options = arguments(job({}, codec=fixed), VIDEO)
    assert (options["-r"], options["-g"], options["-keyint_min"], options["-sc_threshold"]) == ("25", "25", "25", "0")


def test_sizes_follow_rotation_and_pixel_aspect_ratio() -> None:
    turned = Track(0, "video", "h264", width=1920, height=1080, rotation=90, frame_rate=Fraction(30))
    auto = {"VideoSelector": {"Rotate": "AUTO"}}
    upright = make_plan(job({"Height": 1280}, **auto), media(turned), Path("/in"), 1).renditions[0]
    assert (upright.width, upright.height) == (720, 1280)
    assert "transpose=clock,scale=720:1280" in dict(pairwise(upright.arguments))["-vf"]
    wide = Track(0, "video", "h264", width=1440, height=1080, aspect=Fraction(4, 3), frame_rate=Fraction(25))
    assert make_plan(job({}), media(wide), Path("/in"), 1).renditions[0].width == 1920
    with pytest.raises(JobError, match=r"Invalid resolution \[912 x 513\]"):
        make_plan(job({"Width": 912}), media(VIDEO), Path("/in"), 1)
    padded = arguments(job({"Width": 640, "Height": 640}), VIDEO)["-vf"]
    assert padded == "scale=640:360:flags=bicubic,pad=640:640:(ow-iw)/2:(oh-ih)/2,setsar=1"
    small = arguments(job({"Width": 2560, "Height": 1440, "ScalingBehavior": "FIT_NO_UPSCALE"}), VIDEO)["-vf"]
    assert small.startswith("scale=1920:1080")


@pytest.mark.parametrize(("rotate", "filters"), [("AUTO", ""), ("DEGREES_270", "transpose=cclock,")])
def test_nothing_mirrors_a_picture(rotate: str, filters: str) -> None:
    selfie = Track(0, "video", "h264", width=640, height=360, rotation=270, is_mirrored=True, frame_rate=Fraction(25))
    output = make_plan(job({}, VideoSelector={"Rotate": rotate}), media(selfie), Path("/in"), 1).renditions[0]
    assert dict(pairwise(output.arguments))["-vf"].startswith(f"{filters}scale=")


def test_destinations_become_key_prefixes() -> None:
    def prefix(destination: str) -> str:
        return make_plan(job({}, destination=destination), media(VIDEO), Path("/in"), 1).renditions[0].key_prefix

    assert prefix("s3://out-bucket/a/b") == "a/b-web"
    assert prefix("s3://out-bucket/a/") == "a/clip one-web"
    assert prefix("s3://out-bucket/") == "clip one-web"


def test_audio_outputs_need_their_track() -> None:
    settings = job({})
    aac = {"CodingMode": "CODING_MODE_1_0", "SampleRate": 48000, "Bitrate": 64000}
    described = [{"AudioSourceName": "Audio Selector 1", "CodecSettings": {"Codec": "AAC", "AacSettings": aac}}]
    settings["OutputGroups"][0]["Outputs"][0]["AudioDescriptions"] = described
    options = arguments(settings, VIDEO, SOUND)
    assert (options["-ac"], options["-ar"], options["-b:a"]) == ("1", "48000", "64000")
    with pytest.raises(JobError) as error:
        make_plan(settings, media(VIDEO), Path("/in"), 1)
    assert error.value.code == 1021
    settings["Inputs"][0]["AudioSelectors"]["Audio Selector 1"] = {"Tracks": [3]}
    with pytest.raises(JobError, match=r"Audio track \[3\] not found") as error:
        make_plan(settings, media(VIDEO, SOUND), Path("/in"), 1)
    assert error.value.code == 1040


def test_a_rate_above_60_frames_is_refused() -> None:
    fast = Track(0, "video", "h264", width=1920, height=1080, frame_rate=Fraction(120), aspect=Fraction(1))
    with pytest.raises(JobError, match="up to 60 frames/s, not 120"):
        make_plan(job({}), media(fast), Path("/in"), 1)
    halved = {"FramerateControl": "SPECIFIED", "FramerateNumerator": 60, "FramerateDenominator": 1}
    assert arguments(job({}, codec=halved), fast)["-r"] == "60"


def test_sound_has_no_more_channels_than_its_source_and_a_known_codec() -> None:
    settings = job({})
    aac = {"CodingMode": "CODING_MODE_2_0", "SampleRate": 48000, "Bitrate": 64000}
    described = [{"AudioSourceName": "Audio Selector 1", "CodecSettings": {"Codec": "AAC", "AacSettings": aac}}]
    settings["OutputGroups"][0]["Outputs"][0]["AudioDescriptions"] = described
    mono = Track(1, "audio", "aac", channels=1, sample_rate=16000)
    with pytest.raises(JobError, match="1 channels as CODING_MODE_2_0"):
        make_plan(settings, media(VIDEO, mono), Path("/in"), 1)
    with pytest.raises(JobError, match="No audio frames decoded"):
        make_plan(settings, media(VIDEO, Track(1, "audio", "adpcm_ima_qt", channels=2, sample_rate=8000)), Path("/"), 1)


def test_high_dynamic_range_becomes_standard() -> None:
    hlg = Track(0, "video", "hevc", width=640, height=360, frame_rate=Fraction(30), color=(9, 18, 9))
    corrected = job({"VideoPreprocessors": {"ColorCorrector": {"ColorSpaceConversion": "FORCE_709"}}})
    assert "tonemap" in arguments(corrected, hlg)["-vf"]
    assert "tonemap" not in arguments(corrected, VIDEO)["-vf"]
