"""MediaConvert jobs on real and awkward files, through boto3."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.dashcam_facts import ASSET, FACTS
from tests.support.local_cloud import Maker, wait_until
from tests.support.media_clips import check_shape, ffmpeg, street
from tests.support.mediaconvert_jobs import ROLE, charges, h264, job_settings, output, run_job

from impp_engines import assets
from impp_footage import boxes, reader
from impp_lambdas.core.planning import hls
from impp_lambdas.core.planning import jobs as planned
from impp_lambdas.core.planning.ladder import Rendition
from impp_local.engines import video

pytestmark = pytest.mark.slow


def download(make: Maker, bucket: str, key: str, to: Path) -> video.Media:
    """Download an output, decode all of it and probe it."""
    make.client("s3").download_file(bucket, key, str(to))
    log = video.run([*video.input_options(to), "-f", "null", "-"], timeout_s=60)
    assert "error" not in log.lower(), log
    return video.probe(to)


def test_a_job_of_two_renditions_publishes_events_and_is_billed(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    asset = "0d" * 10
    url = put(street(tmp_path / "in.mp4", 2, size="1280:544"), "originals/a name+with %25 'signs'\".mp4")
    queue_url, arn = make.queue()
    ours = {"userMetadata": {"test": [asset]}}
    detail_type = ["MediaConvert Job State Change"]
    make.rule({"source": ["aws.mediaconvert"], "detail-type": detail_type, "detail": ours}, Arn=arn)
    job = run_job(
        make,
        job_settings(
            url,
            f"s3://{bucket}/assets/{asset}/video",
            output("-web", Width=854, Height=362),
            output("-mobile", Width=426, Height=182),
        ),
        UserMetadata={"test": asset},
        Tags={"a": "b"},
    )
    assert job["Status"] == "COMPLETE", job
    assert job["JobPercentComplete"] == 100 and job["Timing"]["FinishTime"] >= job["Timing"]["StartTime"]
    details = job["OutputGroupDetails"][0]["OutputDetails"]
    assert [d["VideoDetails"] for d in details] == [
        {"WidthInPx": 854, "HeightInPx": 362},
        {"WidthInPx": 426, "HeightInPx": 182},
    ]
    assert all(abs(d["DurationInMs"] - 2000) < 100 for d in details)
    media = download(make, bucket, f"assets/{asset}/video-web.mp4", tmp_path / "out.mp4")
    assert media.video and media.audio
    assert (media.video.codec, media.video.width, media.video.height) == ("h264", 854, 362)
    assert (media.audio.codec, media.audio.channels, media.audio.sample_rate) == ("aac", 1, 48000)
    with (tmp_path / "out.mp4").open("rb") as file:
        order = [box.kind for box in boxes.walk(reader.of_file(file))]
    assert order.index(b"moov") < order.index(b"mdat")  # progressive download
    head = make.client("s3").head_object(Bucket=bucket, Key=f"assets/{asset}/video-mobile.mp4")
    assert head["ContentType"] == "video/mp4"
    check_events([json.loads(m["Body"]) for m in make.messages(queue_url, 3)], job, bucket, asset)
    assert charges(asset) == [("basic_sd_30", round(2 * 10 / 60, 6))]
    tags = make.client("mediaconvert").list_tags_for_resource(Arn=job["Arn"])
    assert tags["ResourceTags"]["Tags"] == {"a": "b"}


def check_events(events: list[dict[str, Any]], job: dict[str, Any], bucket: str, asset: str) -> None:
    details = {event["detail"]["status"]: event["detail"] for event in events}
    assert set(details) == {"PROGRESSING", "INPUT_INFORMATION", "COMPLETE"}
    assert all(event["resources"] == [job["Arn"]] for event in events)
    source = details["INPUT_INFORMATION"]["inputDetails"][0]
    picture, sound = source["video"][0], source["audio"][0]
    assert (picture["codec"], picture["width"], sound["codec"]) == ("AVC", 1280, "AAC")
    complete = details["COMPLETE"]
    assert (complete["jobId"], complete["queue"]) == (job["Id"], job["Queue"])
    group = complete["outputGroupDetails"][0]
    assert group["type"] == "FILE_GROUP"
    assert [o["outputFilePaths"] for o in group["outputDetails"]] == [
        [f"s3://{bucket}/assets/{asset}/video-web.mp4"],
        [f"s3://{bucket}/assets/{asset}/video-mobile.mp4"],
    ]
    assert group["outputDetails"][0]["videoDetails"]["widthInPx"] == 854


def test_the_pipelines_settings_are_accepted_and_billed_as_quoted(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    from impp_lambdas.core.intake.facts import Streams
    from impp_lambdas.core.money.ledger import mediaconvert_line

    asset = "0e" * 10
    url = put(street(tmp_path / "in.mp4", 2, size="1280:544"), "in.mp4")
    ladder = [
        Rendition("web", "unused", 1280, 544, "25", 7, 4_000_000),
        Rendition("sound", "unused", None, None, None, None, 128_000),
    ]
    destination = f"s3://{bucket}/assets/{asset}/video"
    streams = Streams("video", 2.0, 1280, 544, 0, 25.0, "h264", "aac", True, "mp4", audio_channels=1)
    job = run_job(make, planned.settings(url, destination, ladder, streams))
    assert job["Status"] == "COMPLETE", job
    sound = download(make, bucket, f"assets/{asset}/video-sound.m4a", tmp_path / "sound.m4a")
    assert sound.video is None and sound.audio is not None
    quoted = sorted(
        (line.item, round(line.quantity, 6))
        for line in (mediaconvert_line(1280, 544, 25, 2.0), mediaconvert_line(None, None, 0, 2.0))
    )
    assert charges(asset) == quoted


@pytest.mark.parametrize("rotate, size", [("AUTO", (272, 640)), ("DEGREE_0", (640, 272)), ("DEGREES_90", (272, 640))])
def test_the_picture_is_rotated_as_requested(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path, rotate: str, size: tuple[int, int]
) -> None:
    upright = street(tmp_path / "upright.mp4", 1)
    turned = ffmpeg("-display_rotation", "-90", *video.input_options(upright), "-c", "copy", to=tmp_path / "turned.mp4")
    source = video.probe(turned).video
    assert source and (source.width, source.height, source.rotation) == (640, 272, 90)
    job = run_job(make, job_settings(put(turned, "in.mp4"), f"s3://{bucket}/out/", output(), rotate=rotate))
    assert job["Status"] == "COMPLETE", job
    track = download(make, bucket, "out/in-web.mp4", tmp_path / "out.mp4").video
    assert track and (track.width, track.height, track.rotation) == (*size, 0)
    if rotate == "AUTO":
        assert mean_difference(upright, tmp_path / "out.mp4", turn="transpose=clock") < 12


def mean_difference(one: Path, other: Path, turn: str) -> float:
    """Mean difference of grey levels between the first frames, the first one turned."""
    pictures = []
    for path, filters in ((one, f"{turn},scale=68:160"), (other, "scale=68:160")):
        command = [video.ffmpeg(), "-v", "error", "-i", str(path), "-frames:v", "1", "-vf", f"{filters},format=gray"]
        raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
        pictures.append(raw)
    assert len(pictures[0]) == len(pictures[1]) == 68 * 160
    return sum(abs(a - b) for a, b in zip(*pictures, strict=True)) / len(pictures[0])


def test_variable_frame_rate_becomes_constant(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    uneven = "setpts='if(lt(N,25),N/25/TB,(1+(N-25)/10)/TB)'"
    clip = ffmpeg(
        "-t",
        "3",
        *video.input_options(assets.path("bikes.mp4")),
        "-vf",
        uneven,
        "-fps_mode",
        "vfr",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        to=tmp_path / "vfr.mp4",
    )
    settings = output(
        sound=False, codec=h264(FramerateControl="SPECIFIED", FramerateNumerator=30000, FramerateDenominator=1001)
    )
    job = run_job(make, job_settings(put(clip, "vfr.mp4"), f"s3://{bucket}/out/", settings))
    assert job["Status"] == "COMPLETE", job
    media = download(make, bucket, "out/vfr-web.mp4", tmp_path / "out.mp4")
    assert media.video and media.video.frame_rate == Fraction(30000, 1001)
    assert abs(media.duration_s - video.probe(clip).duration_s) < 0.2
    import av

    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    steps = {round(b - a, 4) for a, b in pairwise(times)}
    assert steps <= {0.0333, 0.0334}


def test_scaling_pads_crops_or_stretches(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    url = put(street(tmp_path / "in.mp4", 1, sound=False), "in.mp4")
    modes = ("DEFAULT", "FILL", "STRETCH_TO_OUTPUT")
    outputs = [output(f"-{mode.lower()}", sound=False, Width=320, Height=320, ScalingBehavior=mode) for mode in modes]
    job = run_job(make, job_settings(url, f"s3://{bucket}/out/", *outputs))
    assert job["Status"] == "COMPLETE", job
    black = {}
    for mode in modes:
        path = tmp_path / f"{mode}.mp4"
        track = download(make, bucket, f"out/in-{mode.lower()}.mp4", path).video
        assert track and (track.width, track.height) == (320, 320)
        command = [video.ffmpeg(), "-v", "error", "-i", str(path), "-frames:v", "1"]
        command += ["-vf", "crop=320:40:0:0,format=gray", "-f", "rawvideo", "-"]
        black[mode] = max(subprocess.run(command, capture_output=True, check=True).stdout) < 40
    assert black == {"DEFAULT": True, "FILL": False, "STRETCH_TO_OUTPUT": False}


def test_frame_captures_hevc_and_hls(make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path) -> None:
    asset = "0f" * 10
    url = put(street(tmp_path / "in.mp4", 5), f"work/{asset}/in.mp4")
    capture = {
        "NameModifier": "-still",
        "ContainerSettings": {"Container": "RAW"},
        "VideoDescription": {
            "CodecSettings": {
                "Codec": "FRAME_CAPTURE",
                "FrameCaptureSettings": {
                    "FramerateNumerator": 1,
                    "FramerateDenominator": 2,
                    "MaxCaptures": 2,
                    "Quality": 80,
                },
            }
        },
    }
    hevc = {"Codec": "H_265", "H265Settings": {"RateControlMode": "QVBR", "MaxBitrate": 500_000}}
    job = run_job(
        make, job_settings(url, f"s3://{bucket}/files/", capture, output("-hevc", codec=hevc, Width=320, Height=136))
    )
    assert job["Status"] == "COMPLETE", job
    names = {o["Key"] for o in make.client("s3").list_objects_v2(Bucket=bucket, Prefix="files/")["Contents"]}
    assert names == {"files/in-still.0000000.jpg", "files/in-still.0000001.jpg", "files/in-hevc.mp4"}
    track = download(make, bucket, "files/in-hevc.mp4", tmp_path / "hevc.mp4").video
    assert track and (track.codec, track.width) == ("hevc", 320)
    variants = [output("_low", Width=320, Height=136), output("_high", Width=640, Height=272)]
    for variant in variants:
        variant["ContainerSettings"] = {"Container": "M3U8"}
    group = {
        "Type": "HLS_GROUP_SETTINGS",
        "HlsGroupSettings": {"Destination": f"s3://{bucket}/hls/clip", "SegmentLength": 2, "MinSegmentLength": 0},
    }
    job = run_job(make, job_settings(url, "", *variants, **group))
    assert job["Status"] == "COMPLETE", job
    check_hls(make, bucket, tmp_path / "hls")


def check_hls(make: Maker, bucket: str, folder: Path) -> None:
    """The group plays from its main playlist, whose names resolve next to it."""
    folder.mkdir()
    for entry in make.client("s3").list_objects_v2(Bucket=bucket, Prefix="hls/")["Contents"]:
        make.client("s3").download_file(bucket, entry["Key"], str(folder / entry["Key"].rpartition("/")[2]))
    names = {path.name for path in folder.iterdir()}
    assert {"clip.m3u8", "clip_low.m3u8", "clip_high.m3u8", "clip_low_00001.ts", "clip_high_00002.ts"} <= names
    assert "RESOLUTION=640x272" in (folder / "clip.m3u8").read_text()
    command = [video.ffmpeg(), "-v", "error", "-i", str(folder / "clip.m3u8"), "-f", "null", "-"]
    played = subprocess.run(command, capture_output=True, text=True, check=False)
    assert played.returncode == 0 and not played.stderr, played.stderr


def test_every_rung_of_a_cmaf_group_decodes_through_its_main_playlist(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    """The pipeline's own group: a file per rung whose segments are aligned byte ranges.

    All rungs are decoded at once: ffmpeg closes the playlist of a rung that nobody reads in the middle of a packet,
    and then reports it as damaged ("Invalid NAL unit size").
    """
    clip = street(tmp_path / "in.mp4", 8)
    original = replace(FACTS, width=640, height=272, fps=25.0, audio_channels=1)
    large, sound_rung = hls.rungs(ASSET, original)
    rungs = [large, replace(large, name="hls-small", width=320, height=136), sound_rung]
    settings = job_settings(put(clip, "in.mp4"), "")
    settings["OutputGroups"] = [hls.group(bucket, ASSET, rungs, original)]
    job = run_job(make, settings)
    assert job["Status"] == "COMPLETE", job
    durations = [o["DurationInMs"] for o in job["OutputGroupDetails"][0]["OutputDetails"]]
    assert durations == pytest.approx([8000] * 3, abs=100)
    folder = tmp_path / "hls"
    folder.mkdir()
    for entry in make.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"assets/{ASSET}/hls/")["Contents"]:
        make.client("s3").download_file(bucket, entry["Key"], str(folder / entry["Key"].rpartition("/")[2]))
    assert len(list(folder.iterdir())) == 7  # three tracks, their playlists, and the main one
    main = (folder / "hls.m3u8").read_text()
    assert main.count('AUDIO="audio"') == 2 and 'TYPE=AUDIO,GROUP-ID="audio"' in main
    assert "RESOLUTION=640x272" in main and 'CODECS="avc1.64' in main
    lengths = [re.findall(r"#EXTINF:([\d.]+)", (folder / f"{r.name}.m3u8").read_text()) for r in rungs[:2]]
    assert lengths[0] == lengths[1] and [float(s) for s in lengths[0]] == pytest.approx([6, 2])
    command = [video.ffmpeg(), "-v", "warning", "-allowed_extensions", "ALL", "-extension_picky", "0"]
    command += ["-i", str(folder / "hls.m3u8"), "-map", "0", "-c:a", "pcm_s16le", "-f", "framecrc", "-"]
    played = subprocess.run(command, capture_output=True, text=True, check=False)
    assert played.returncode == 0 and not played.stderr, played.stderr
    sizes = re.findall(r"#dimensions (\d): (\w+)", played.stdout)
    assert sorted(size for _, size in sizes) == ["320x136", "640x272"]
    for stream, _ in sizes:
        assert len(re.findall(rf"^{stream},", played.stdout, re.MULTILINE)) == 200


def test_awkward_inputs_end_with_the_documented_errors(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    whole = street(tmp_path / "whole.mp4", 2)
    fast = ffmpeg(*video.input_options(whole), "-c", "copy", "-movflags", "+faststart", to=tmp_path / "fast.mp4")
    files = {
        "no_moov.mp4": whole.read_bytes()[:30_000],
        "truncated.mp4": fast.read_bytes()[: fast.stat().st_size // 2],
        "text.mp4": b"just words, no film\n" * 50,
        "empty.mp4": b"",
        "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{whole}\n#EXT-X-ENDLIST\n".encode(),
        "mute.mp4": street(tmp_path / "mute.mp4", 1, sound=False).read_bytes(),
        "odd.mp4": street(tmp_path / "odd.mp4", 1, size="321:181", extra=("-pix_fmt", "yuv444p")).read_bytes(),
        "sound.wav": assets.path("two_cities.wav").read_bytes(),
    }
    for name, content in files.items():
        make.client("s3").put_object(Bucket=bucket, Key=name, Body=content)
    cases = {
        "no_moov.mp4": (1075, "no moov box found in file"),
        "truncated.mp4": (1076, "Is file truncated?"),
        "text.mp4": (1010, "No parser found for container"),
        "empty.mp4": (1010, "No parser found for container"),
        "playlist.mp4": (1010, "No parser found for container"),
        "missing.mp4": (1404, "HeadObject failed"),
        "mute.mp4": (1021, "No audio frames decoded"),
        "odd.mp4": (1040, "Invalid resolution [321 x 181], only even values"),
        "sound.wav": (1020, "doesn't have video"),
    }
    for name, (code, message) in cases.items():
        job = run_job(make, job_settings(f"s3://{bucket}/{name}", f"s3://{bucket}/out/", output()))
        assert (job["Status"], job["ErrorCode"]) == ("ERROR", code), (name, job)
        assert message in job["ErrorMessage"], (name, job["ErrorMessage"])
    job = run_job(make, job_settings(put(whole, "whole.mp4"), "s3://no-such-bucket-00/out/", output()))
    assert (job["Status"], job["ErrorCode"]) == ("ERROR", 1404)
    unnamed = {key: value for key, value in output().items() if key != "NameModifier"}  # its key is its input's
    job = run_job(make, job_settings(f"s3://{bucket}/whole.mp4", f"s3://{bucket}/whole", unnamed))
    assert (job["Status"], job["ErrorCode"]) == ("ERROR", 1040)
    odd = run_job(make, job_settings(f"s3://{bucket}/odd.mp4", f"s3://{bucket}/out/", output(Width=320, Height=180)))
    assert odd["Status"] == "COMPLETE", odd
    keys = {o["Key"] for o in make.client("s3").list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]}
    assert keys == {"out/odd-web.mp4"}


def test_cancel_stops_ffmpeg_and_a_paused_queue_holds_jobs(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    client = make.client("mediaconvert")
    long = ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=1280x720:r=30",
        "-t",
        "2",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        to=tmp_path / "long.mp4",
    )
    url = put(long, "long.mp4")
    slow = job_settings(
        url,
        f"s3://{bucket}/out/",
        output(
            sound=False,
            Width=3840,
            Height=2160,
            codec={
                "Codec": "H_265",
                "H265Settings": {
                    "RateControlMode": "QVBR",
                    "MaxBitrate": 50_000_000,
                    "QvbrSettings": {"QvbrQualityLevel": 10},
                },
            },
        ),
    )
    job = client.create_job(Role=ROLE, Settings=slow)["Job"]
    wait_until(lambda: client.get_job(Id=job["Id"])["Job"].get("CurrentPhase") == "TRANSCODING")
    client.cancel_job(Id=job["Id"])
    canceled = wait_until(lambda: (j := client.get_job(Id=job["Id"])["Job"])["Status"] == "CANCELED" and j)
    assert "ErrorCode" not in canceled
    with pytest.raises(ClientError) as error:
        client.cancel_job(Id=job["Id"])
    assert error.value.response["Error"]["Code"] == "ConflictException"

    name = make.name("queue")
    queue = client.create_queue(Name=name, Status="PAUSED", Tags={"k": "v"})
    check_shape("mediaconvert", "CreateQueue", queue)
    held = client.create_job(Role=ROLE, Queue=queue["Queue"]["Arn"], Settings=slow)["Job"]
    assert client.get_queue(Name=name)["Queue"]["SubmittedJobsCount"] == 1
    with pytest.raises(ClientError):
        client.delete_queue(Name=name)
    client.cancel_job(Id=held["Id"])
    assert client.get_job(Id=held["Id"])["Job"]["Status"] == "CANCELED"
    client.update_queue(Name=name, Status="ACTIVE", Description="now it runs")
    assert client.list_tags_for_resource(Arn=queue["Queue"]["Arn"])["ResourceTags"]["Tags"] == {"k": "v"}
    listed = client.list_queues()
    check_shape("mediaconvert", "ListQueues", listed)
    assert listed["Queues"][0]["Name"] == "Default" and name in {q["Name"] for q in listed["Queues"]}
    client.delete_queue(Name=name)
    with pytest.raises(ClientError) as error:
        client.get_queue(Name=name)
    assert error.value.response["Error"]["Code"] == "NotFoundException"
    assert "Contents" not in make.client("s3").list_objects_v2(Bucket=bucket, Prefix="out/")
