"""How long a one-minute clip takes through the local pipeline, and the share of each step.

    make up PORT=4599 STATE=/tmp/clip-bench &
    PYTHONPATH=src:edge python benchmarks/clip_bench.py --endpoint http://127.0.0.1:4599 [--clips 2] [--source dashcam]

Each clip is 1080p30 at 12 Mbit/s with sound, moves everywhere and has content of its own. One after another, so that
none waits for another. The first one also starts the workers and loads the models, so it is listed apart. Times are
those of the execution's history; steps of branches overlap.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import boto3
import imageio_ffmpeg  # type: ignore[import-untyped]  # ships no stubs

from impp_local.demo.collect import steps
from impp_local.kernel.defaults import ACCOUNT, REGION

KEYS = {
    "dashcam": "originals/dashcam/bench/2026/11/20/20261120_08{:02}00_NF.mp4",
    "phone": "originals/phone/bench/2026/11/20/clip{}.mp4",
}


def clip(path: Path, number: int, seconds: int) -> None:
    """Write a clip."""
    picture = f"testsrc2=size=1920x1080:rate=30:duration={seconds},noise=alls=12:allf=t,hue=h={number * 37 % 360}"
    sound = f"sine=frequency={300 + number}:duration={seconds}"
    rate = ("-b:v", "12M", "-maxrate", "12M", "-bufsize", "12M", "-g", "30")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", *rate, "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi"]
    subprocess.run([*command, "-i", sound, *codec, "-movflags", "+faststart", str(path)], check=True)  # noqa: S603


class Pipeline:
    """The deployed pipeline of a local cloud."""

    def __init__(self, endpoint: str, environment: str) -> None:
        session = boto3.Session("test", "test", region_name=REGION)
        self._s3 = session.client("s3", endpoint_url=endpoint)
        self._states = session.client("stepfunctions", endpoint_url=endpoint)
        self._bucket = f"impp-{environment}-{ACCOUNT}-ingest"
        self._machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:impp-{environment}-pipeline"

    def run(self, path: Path, key: str) -> dict[str, Any]:
        """Upload a file and wait for the end of its execution; seconds in all and by step."""
        began = time.time()
        self._s3.upload_file(str(path), self._bucket, key)
        uploaded = time.time()
        while not (arn := self._execution(key)):
            time.sleep(0.05)
        while (run := self._states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            time.sleep(0.05)
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        by_step: defaultdict[str, float] = defaultdict(float)
        for step in steps(events, ended=True):
            by_step[step.name] += step.seconds
        ended = run["stopDate"].timestamp()
        return {
            "status": run["status"],
            "seconds": round(ended - uploaded, 1),
            "upload_s": round(uploaded - began, 1),
            "steps_s": {name: round(seconds, 2) for name, seconds in by_step.items() if seconds >= 0.05},
        }

    def _execution(self, key: str) -> str | None:
        for entry in self._states.list_executions(stateMachineArn=self._machine, maxResults=5)["executions"]:
            given = json.loads(self._states.describe_execution(executionArn=entry["executionArn"])["input"])
            if given["detail"]["object"]["key"] == key:
                return str(entry["executionArn"])
        return None


def main() -> None:
    """Measure and print a line of JSON per clip."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--endpoint", required=True)
    arguments.add_argument("--environment", default="local")
    arguments.add_argument("--clips", type=int, default=2)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--source", choices=sorted(KEYS), default="dashcam")
    options = arguments.parse_args()
    pipeline = Pipeline(options.endpoint, options.environment)
    unique = int(time.time())
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.clips):
            path = Path(folder) / "clip.mp4"
            clip(path, unique + number, options.seconds)
            key = KEYS[options.source].format((unique // 7 + number) % 60)
            kind = "first, with cold workers" if number == 0 else "warm"
            print(
                json.dumps({"clip": kind, "mb": round(path.stat().st_size / 1e6), **pipeline.run(path, key)}),
                flush=True,
            )


if __name__ == "__main__":
    main()
