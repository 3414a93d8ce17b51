"""Speed and accuracy of the local engines on this machine; run with `python benchmarks/engines_bench.py`.

Each engine is warmed up, then measured on real frames of the street scene, the speech recording and the sample card.
Prints a table, or JSON with `--json`: milliseconds of wall and CPU time per frame (median), real-time factors (seconds
of work per second of media), the word error rate, and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "edge"), str(ROOT)]

from tests.support.media_clips import SCENES, SPOKEN, frame, jpeg, resized, street, word_error_rate, words  # noqa: E402

from impp_engines import assets, speech, vision  # noqa: E402
from impp_local.engines import video  # noqa: E402
from impp_local.services.mediaconvert.plan import make_plan  # noqa: E402

RUNS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    assets.prepare()
    results = [*images(), *memory(), recognition(), transcoding(720), transcoding(480)]
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        print(f"{result.pop('engine'):28}", "  ".join(f"{key} {value}" for key, value in result.items()))


SIZES = ((1280, 544), (1920, 1080))
DETECTORS = {"labels": "NanoDet", "text": "PP-OCRv6", "faces": "CenterFace", "moderation": "Open-NSFW"}


def images() -> list[dict[str, Any]]:
    """Each detector on frames from all of the scene, as large as on the sample card and in full HD; then all four in
    one call."""
    results = []
    for width, height in SIZES:
        frames = [resized(frame(i * 10 / RUNS), width, height) for i in range(RUNS)]
        for names in (*([name] for name in DETECTORS), list(DETECTORS)):
            title = f"{names[0]} ({DETECTORS[names[0]]})" if len(names) == 1 else "all four"
            results.append(measure(f"{title}, {height}p", partial(vision.look, names=names), frames))
    return results


def memory() -> list[dict[str, Any]]:
    """Resident memory of a process that looks at a full HD picture five times: at the end, and at most."""
    script = (
        "import sys; from pathlib import Path; from impp_engines import images, vision\n"
        "image = images.decode(Path(sys.argv[1]).read_bytes())\n"
        "for _ in range(5): vision.look(image, sys.argv[2:])\n"
        "lines = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "print(*(round(int(lines[name].split()[0]) / 1e3) for name in ('VmRSS', 'VmHWM')))"
    )
    results = []
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "street.jpg")
        picture.write_bytes(jpeg(resized(frame(SCENES["cyclist"]), 1920, 1080)))
        for names in ([], *([name] for name in DETECTORS), list(DETECTORS)):
            command = [sys.executable, "-c", script, str(picture), *names]
            environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
            out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout  # noqa: S603
            title = {0: "no model", 1: "".join(names)}.get(len(names), "all four")
            now, most = map(int, out.split())
            results.append({"engine": f"memory, {title}", "mb": now, "peak_mb": most})
    return results


def measure(name: str, engine: Callable[[Any], Any], frames: list[Any]) -> dict[str, Any]:
    engine(frames[0])
    wall, cpu = [], []
    for picture in frames:
        started, used = time.perf_counter(), time.process_time()
        engine(picture)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return {
        "engine": name,
        "ms": round(1000 * statistics.median(wall)),
        "cpu_ms": round(1000 * statistics.median(cpu)),
    }


def recognition() -> dict[str, Any]:
    before = resident_mb()
    path = assets.path("two_cities.wav")
    speech.transcribe(path)
    started, used = time.perf_counter(), time.process_time()
    transcript = speech.transcribe(path)
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    text = " ".join(word.text for segment in transcript.segments for word in segment.words)
    return {
        "engine": "speech (Whisper base)",
        "rtf": round(wall / transcript.duration_s, 3),
        "cpu_rtf": round(cpu / transcript.duration_s, 3),
        "wer": round(word_error_rate(words(SPOKEN), words(text)), 3),
        "mb": round(resident_mb() - before),
    }


def transcoding(short_side: int) -> dict[str, Any]:
    """One H.264 and AAC rendition of a 1280 x 720 clip, as a MediaConvert job makes it."""
    with tempfile.TemporaryDirectory() as folder:
        clip = street(Path(folder) / "clip.mp4", 10, size="1280:720")
        width = round(short_side * Fraction(16, 9) / 2) * 2
        h264 = {"RateControlMode": "QVBR", "MaxBitrate": 4_000_000}
        aac = {"CodingMode": "CODING_MODE_1_0", "SampleRate": 48000, "Bitrate": 128000}
        settings = {
            "Inputs": [{"FileInput": "s3://bench/clip.mp4", "AudioSelectors": {"1": {}}}],
            "OutputGroups": [
                {
                    "OutputGroupSettings": {
                        "Type": "FILE_GROUP_SETTINGS",
                        "FileGroupSettings": {"Destination": "s3://bench/out/"},
                    },
                    "Outputs": [
                        {
                            "ContainerSettings": {"Container": "MP4"},
                            "NameModifier": "-web",
                            "VideoDescription": {
                                "Width": width,
                                "Height": short_side,
                                "CodecSettings": {"Codec": "H_264", "H264Settings": h264},
                            },
                            "AudioDescriptions": [{"CodecSettings": {"Codec": "AAC", "AacSettings": aac}}],
                        }
                    ],
                }
            ],
        }
        plan = make_plan(settings, video.probe(clip), clip, threads=1)
        (Path(folder) / plan.renditions[0].folder).mkdir()
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        started = time.perf_counter()
        video.run(plan.command(Path(folder)), timeout_s=600)
        wall = time.perf_counter() - started
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
    return {"engine": f"transcode 720p to {short_side}p", "rtf": round(wall / 10, 3), "cpu_rtf": round(cpu / 10, 3)}


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
