"""An invented run with media made by ffmpeg, for tests of the report."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]

from impp_local.demo.facts import Expectation, FileReport, Rendition, Report, Stage, Step

VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nIt was the best of times\n"


def line(service: str, item: str, quantity: float, unit: str, usd: float, **more: Any) -> dict[str, Any]:
    return {"service": service, "item": item, "quantity": quantity, "unit": unit, "usd": usd, **more}


LEDGER = [
    line("mediaconvert", "hd_minute", 0.1667, "minute", 0.0025),
    line("rekognition", "detect_labels", 6, "image", 0.006),
    line("transcribe", "batch_second", 10, "second", 0.001, doubt="two sources differ"),
    line("states", "transition", 14, "transition", 0.00035),
]
STEPS = [
    Step("Claim", 0.0, 0.03, "succeeded"),
    Step("Inspect", 0.03, 0.7, "succeeded"),
    Step("Sample", 0.75, 1.9, "succeeded"),
    Step("Understand", 2.7, 9.0, "succeeded"),
    Step("Analyze", 2.7, 2.1, "succeeded"),
    Step("Transcribe", 2.7, 9.0, "caught"),
    Step("Publish", 11.8, 0.4, "succeeded"),
]


@cache
def sample_media() -> dict[str, bytes]:
    """Key → content of a small delivery bucket."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()

    def run(name: str, *arguments: str) -> bytes:
        with TemporaryDirectory() as folder:
            file = Path(folder, name)
            subprocess.run([ffmpeg, "-y", "-v", "error", *arguments, str(file)], check=True)
            return file.read_bytes()

    source = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15:duration=2")
    portrait = ("-f", "lavfi", "-i", "mandelbrot=size=360x640:rate=10", "-t", "1")
    h264 = ("-pix_fmt", "yuv420p", "-c:v", "libx264", "-movflags", "+faststart")
    return {
        "assets/a/poster.jpg": run("a.jpg", *source, "-frames:v", "1"),
        "assets/b/poster.jpg": run("b.jpg", *portrait, "-frames:v", "1"),
        "assets/a/video-web.mp4": run("web.mp4", *source, *h264),
        "assets/a/video-mobile.mp4": run("mobile.mp4", *source, "-vf", "scale=320:-2", *h264),
        "assets/b/video-web.mp4": run("b.mp4", *portrait, *h264),
        "assets/c/audio.m4a": run("c.m4a", "-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac"),
        "assets/a/captions.vtt": VTT.encode(),
    }


def sample_report(sizes: dict[str, int]) -> Report:
    """A run over eight files with every kind of end."""

    def rendition(key: str, width: int | None = None, height: int | None = None) -> Rendition:
        return Rendition(key.rsplit("-", 1)[-1].split(".")[0], key, sizes[key], width, height, 2.0)

    front = FileReport(
        file="DCIM/Movie/2026_0412_081502_0001F.MP4",
        bytes=48_000_000,
        state="published",
        key="originals/dashcam/viofo/2026/04/12/2026_0412_081502_0001F.MP4",
        asset="a" * 20,
        expected=Expectation("published", note="A routine clip of the front camera, with speech."),
        facts={
            "kind": "video",
            "duration_s": 62.4,
            "width": 1920,
            "height": 1080,
            "video_codec": "h264",
            "audio_codec": "aac",
            "source": "dashcam",
            "device": "viofo",
            "camera": "front",
            "recording": "routine",
            "captured_at": "2026-04-12T08:15:02Z",
        },
        labels=[
            {"name": "Bicycle", "confidence": 97.2, "first_s": 0.0, "count": 6},
            {"name": "Person", "confidence": 91.0},
            {"name": "Car", "confidence": 88.4},
            {"name": "Traffic light", "confidence": 71.5},
        ],
        text=["<b>STOP</b>"],
        faces=2,
        speech=True,
        language="en-US",
        transcript="It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
        "foolishness.",
        renditions=[rendition("assets/a/video-web.mp4", 640, 360), rendition("assets/a/video-mobile.mp4", 320, 180)],
        poster="assets/a/poster.jpg",
        captions="assets/a/captions.vtt",
        archive={
            "storage_class": "DEEP_ARCHIVE",
            "tag": "deep-archive",
            "why": "routine footage is seldom asked for; 48 MB for 10 years cost $0.006 there and $0.13 in Standard",
        },
        quote=LEDGER,
        ledger=LEDGER,
        usd_quote=0.0101,
        usd=0.00985,
        steps=STEPS,
        execution="arn:aws:states:us-east-1:123456789012:execution:x:1",
        alerts=[{"severity": "info", "kind": "published", "asset": "a" * 20, "title": "Published: a clip"}],
    )
    portrait = FileReport(
        file="phone/VID_20260412_091011.mp4",
        bytes=9_100_000,
        state="partial",
        reason="transcribe: timed out",
        asset="b" * 20,
        facts={"duration_s": 12.0, "width": 1080, "height": 1920},
        labels=[{"name": "Fractal"}],
        renditions=[rendition("assets/b/video-web.mp4", 360, 640)],
        poster="assets/b/poster.jpg",
        steps=STEPS[:3],
        expected=Expectation("published"),
        ledger=LEDGER[:1],
        quote=LEDGER,
        usd_quote=0.0101,
        usd=0.0025,
        archive={"storage_class": "INTELLIGENT_TIERING", "why": "short and likely to be looked at"},
    )
    voice = FileReport(
        file="phone/memo.m4a",
        bytes=90_000,
        state="published",
        asset="c" * 20,
        facts={"kind": "audio", "duration_s": 2},
        renditions=[rendition("assets/c/audio.m4a")],
        moderation=["Violence"],
    )
    ends = [
        FileReport(
            "DCIM/Movie/broken.MP4",
            1_200,
            "quarantined",
            "corrupt",
            "no moov atom",
            expected=Expectation("quarantined", "corrupt"),
        ),
        FileReport("DCIM/Movie/copy of <front>.MP4", 48_000_000, "duplicate", f"same content as {front.key}"),
        FileReport("DCIM/notes.txt", 12, "skipped", "no media"),
        FileReport("DCIM/lost.MP4", 5_000, "missing", "the edge script could not upload it: denied"),
        FileReport("DCIM/\x1b[2J\u202egpj.MP4", 5_000, "stalled", "no progress for 16 minutes, in Transcode"),
    ]
    bill = {
        "lines": [*LEDGER, line("s3", "put", 40, "request", 0.0002)],
        "usd": 0.01005,
        "per_month": {"lines": [], "usd": 1.234},
    }
    stages = [Stage("Build", 0.6), Stage("Deploy", 61.2), Stage("Let the pipeline run", 48.0)]
    return Report(
        "2026-04-12T10:00:00+00:00", "us-east-1", "sample card", stages, [front, portrait, voice, *ends], bill
    )
