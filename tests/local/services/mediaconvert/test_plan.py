"""MediaConvert settings as ffmpeg arguments, what outputs are charged, and transcripts as files; no media needed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from impp_engines.speech import Segment, Transcript, Word
from impp_lambdas.core.money.ledger import mediaconvert_line
from impp_local.engines.video import Media, Track
from impp_local.services.mediaconvert.plan import JobError, Rendition, plan
from impp_local.services.mediaconvert.tiers import charge
from impp_local.services.transcribe import output

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
        "FileGroupSettings": {"Destination": parts.pop("to", "s3://out-bucket/a/b")},
    }
    source = {"FileInput": "s3://in-bucket/folder/clip one.mp4", "AudioSelectors": {"Audio Selector 1": {}}, **parts}
    return {"Inputs": [source], "OutputGroups": [{"OutputGroupSettings": group, "Outputs": [output]}]}


def arguments(settings: dict[str, Any], *tracks: Track) -> dict[str, str]:
    """ffmpeg's options of the one output, by name."""
    made = plan(settings, media(*tracks), Path("/in.mp4"), 1).renditions[0].arguments
    return dict(pairwise(made))


def test_no_name_of_a_file_becomes_an_option_or_a_protocol() -> None:
    made = plan(job({}), media(VIDEO), Path("/tmp/-i http:x.mp4"), 1)
    assert made.arguments[made.arguments.index("-i") + 1] == "file:/tmp/-i http:x.mp4"
    assert "-protocol_whitelist" in made.arguments and "-format_whitelist" in made.arguments
    command = made.command(Path("/work"))
    assert command[-1] == "file:/work/0-0/output.mp4"
    assert "clip one" not in " ".join(command)  # the object's name stays outside


@pytest.mark.parametrize("level, crf", [(1, 34), (5, 26), (7, 23), (9, 19), (10, 18)])
def test_quality_levels(level: int, crf: int) -> None:
    made = arguments(job({}, codec={"QvbrSettings": {"QvbrQualityLevel": level}}), VIDEO)
    assert (made["-crf"], made["-maxrate"], made["-bufsize"]) == (str(crf), "5000000", "10000000")


def test_rates_gops_and_frame_rates() -> None:
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
    made = arguments(job({}, codec=fixed), VIDEO)
    assert (made["-r"], made["-g"], made["-keyint_min"], made["-sc_threshold"]) == ("25", "25", "25", "0")


def test_sizes_follow_the_turned_and_stretched_picture() -> None:
    turned = Track(0, "video", "h264", width=1920, height=1080, rotation=90, frame_rate=Fraction(30))
    auto = {"VideoSelector": {"Rotate": "AUTO"}}
    made = plan(job({"Height": 1280}, **auto), media(turned), Path("/in"), 1).renditions[0]
    assert (made.width, made.height) == (720, 1280)
    assert "transpose=clock,scale=720:1280" in dict(pairwise(made.arguments))["-vf"]
    wide = Track(0, "video", "h264", width=1440, height=1080, aspect=Fraction(4, 3), frame_rate=Fraction(25))
    assert plan(job({}), media(wide), Path("/in"), 1).renditions[0].width == 1920
    with pytest.raises(JobError, match=r"Invalid resolution \[912 x 513\]"):
        plan(job({"Width": 912}), media(VIDEO), Path("/in"), 1)
    padded = arguments(job({"Width": 640, "Height": 640}), VIDEO)["-vf"]
    assert padded == "scale=640:360:flags=bicubic,pad=640:640:(ow-iw)/2:(oh-ih)/2,setsar=1"
    small = arguments(job({"Width": 2560, "Height": 1440, "ScalingBehavior": "FIT_NO_UPSCALE"}), VIDEO)["-vf"]
    assert small.startswith("scale=1920:1080")


def test_destinations() -> None:
    def prefix(to: str) -> str:
        return plan(job({}, to=to), media(VIDEO), Path("/in"), 1).renditions[0].key_prefix

    assert prefix("s3://out-bucket/a/b") == "a/b-web"
    assert prefix("s3://out-bucket/a/") == "a/clip one-web"
    assert prefix("s3://out-bucket/") == "clip one-web"


def test_sound_must_be_there() -> None:
    settings = job({})
    aac = {"CodingMode": "CODING_MODE_1_0", "SampleRate": 48000, "Bitrate": 64000}
    described = [{"AudioSourceName": "Audio Selector 1", "CodecSettings": {"Codec": "AAC", "AacSettings": aac}}]
    settings["OutputGroups"][0]["Outputs"][0]["AudioDescriptions"] = described
    made = arguments(settings, VIDEO, SOUND)
    assert (made["-ac"], made["-ar"], made["-b:a"]) == ("1", "48000", "64000")
    with pytest.raises(JobError) as error:
        plan(settings, media(VIDEO), Path("/in"), 1)
    assert error.value.code == 1021
    settings["Inputs"][0]["AudioSelectors"]["Audio Selector 1"] = {"Tracks": [3]}
    with pytest.raises(JobError, match=r"Audio track \[3\] not found") as error:
        plan(settings, media(VIDEO, SOUND), Path("/in"), 1)
    assert error.value.code == 1040


def rendition(
    width: int | None, height: int | None, fps: float, codec: str | None = "H_264", passes: str = ""
) -> Rendition:
    return Rendition(0, "bucket", "key", "mp4", "0-0", "output.mp4", (), codec, passes, width, height, fps)


@pytest.mark.parametrize(
    "width, height, fps, seconds",
    [
        (1280, 544, 25, 4.0),
        (720, 1280, 29.97, 61.2),
        (1920, 1080, 60, 30.0),
        (3840, 2160, 30, 90.5),
        (None, None, 0, 12),
    ],
)
def test_basic_outputs_are_charged_as_the_pipeline_quotes(
    width: int | None, height: int | None, fps: float, seconds: float
) -> None:
    line = mediaconvert_line(width, height, fps, seconds)
    codec = "H_264" if width else None
    assert charge(rendition(width, height, fps, codec, "SINGLE_PASS_HQ"), seconds) == (line.item, line.quantity)


def test_professional_outputs_are_charged_more() -> None:
    assert charge(rendition(1920, 1080, 30, "H_265"), 60) == ("pro_base", 4)
    assert charge(rendition(640, 360, 60, "H_265"), 60) == ("pro_base", 4)
    assert charge(rendition(640, 360, 25, "H_264", "MULTI_PASS_HQ"), 60) == ("pro_base", 2)
    assert charge(rendition(640, 360, 0, "FRAME_CAPTURE"), 0) == ("audio_only", 10 / 60)


def test_transcripts_and_subtitles() -> None:
    said = Transcript(
        (
            Segment(
                (Word("Don't", 0.5, 0.9, 0.9), Word("\u201cstop\u201d,", 1.0, 1.3, 0.8), Word("please!", 1.4, 2.0, 0.9))
            ),
            Segment((Word("-", 2.1, 2.2, 0.1), Word("A<B", 3661.25, 3662.0, 0.7), Word("50%?'", 3662.0, 3662.5, 0.7))),
        ),
        3700.0,
    )
    made = output.document("job", "1", said, output.Language("en-US", 0.9))
    results = made["results"]
    assert results["transcripts"] == [{"transcript": "Don't stop, please! A<B 50%?"}]
    assert [(i["type"], i["alternatives"][0]["content"]) for i in results["items"]] == [
        ("pronunciation", "Don't"),
        ("pronunciation", "stop"),
        ("punctuation", ","),
        ("pronunciation", "please"),
        ("punctuation", "!"),
        ("pronunciation", "A<B"),
        ("pronunciation", "50%"),
        ("punctuation", "?"),
    ]
    assert results["items"][0] == {
        "id": 0,
        "type": "pronunciation",
        "start_time": "0.5",
        "end_time": "0.9",
        "alternatives": [{"confidence": "0.900", "content": "Don't"}],
    }
    assert [s["items"] for s in results["audio_segments"]] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    assert results["language_identification"] == [{"score": "0.9000", "code": "en-US"}]
    vtt = output.subtitles(made, "vtt", 1)
    assert vtt == (
        "WEBVTT\n\n1\n00:00:00.500 --> 00:00:02.000\nDon't stop, please!\n\n"
        "2\n01:01:01.250 --> 01:01:02.500\nA&lt;B 50%?\n\n"
    )
    assert "01:01:01,250 --> 01:01:02,500\nA<B 50%?" in output.subtitles(made, "srt")
