"""How long and with how much memory the functions take for very long recordings: 12 h of 1080p30, 4 h of 4K.

    PYTHONPATH=src:edge .venv/bin/python benchmarks/long_file_bench.py [--only "12 h"] [--parts 2] [--seconds 1200]

Each recording is a minute of real footage, encoded once and repeated without encoding, at a low data rate so that it
fits on a disk: twice 5 to 8 GB, deleted afterwards. Inspect, Sample, Join and Analyze run one after the other in the
local Lambda's sandbox, within the memory that `functions.toml` gives them, and read by range from the local S3.

Of the parts, `--parts` are sampled, evenly spread, of each the first `--seconds`; what they show is repeated for the
others, so that Join and Analyze have the whole recording before them. `--parts 0` samples all. Times are processor
seconds of a function and its children: on a busy machine the clock says nothing, on an idle one it says the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from impp_engines import assets
from impp_lambdas.adapters import parts
from impp_lambdas.adapters.looks import unpack
from impp_lambdas.core import keys
from impp_lambdas.core.media.looks import KEEP
from impp_lambdas.core.media.samples import Picture, Sampled, Storyboard
from impp_lambdas.core.media.voice import Voice
from impp_lambdas.core.planning.proxy import GRAVITON
from impp_local.cloud import LocalCloud
from impp_local.engines import video
from impp_local.kernel.defaults import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from impp_local.services.lambda_ import sandbox

ROOT = Path(__file__).parents[1]
FUNCTIONS = tomllib.loads((ROOT / "src/impp_lambdas/functions.toml").read_text("utf-8"))
BUCKETS = {"ingest": "bench-ingest", "work": "bench-work", "delivery": "bench-delivery"}
TABLE = "bench-catalog"
WEIGHTS = (
    "nanodet-8bit.onnx",
    "ppocr-locate-simplified.onnx",
    "ppocr-read.onnx",
    "centerface-any.onnx",
    "open_nsfw.onnx",
)
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:bench:long"
FEATURES = ["analyze", "hear", "proxy", "transcode", "transcribe"]
TICKS = os.sysconf("SC_CLK_TCK")
WALL_S = 900.0

Payload = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """So many hours of a dash cam's footage of a size, at a quality of x264."""

    name: str
    hours: int
    size: str
    crf: int


RECORDINGS = (Recording("12 h of 1080p30", 12, "1920:1080", 36), Recording("4 h of 4K30", 4, "3840:2160", 36))


def write(size: str, crf: int, minutes: int, to: Path, *, is_silent: bool = False) -> None:
    """Encode a minute of dash cam footage of a size, a keyframe per second, with speech or a tone, and repeat it."""
    minute = to.with_suffix(".minute.mp4")
    sound = ["-stream_loop", "-1", *video.input_options(assets.path("two_cities.wav"))]
    if is_silent:
        sound = ["-f", "lavfi", "-i", "sine=frequency=220"]
    picture = f"[0:v]scale={size},fps=30,setsar=1[out]"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-crf", str(crf), "-pix_fmt", "yuv420p"]
    arguments = ["-stream_loop", "-1", *video.input_options(assets.path("bikes.mp4")), *sound]
    arguments += ["-filter_complex", picture, "-map", "[out]", "-map", "1:a", "-t", "60", *coding, "-c:a", "aac"]
    video.run([*arguments, video.output_path(minute)], timeout_s=3600)
    again = ["-stream_loop", str(minutes - 1), *video.input_options(minute), "-c", "copy"]
    video.run([*again, video.output_path(to)], timeout_s=3600)
    minute.unlink()


@dataclass(frozen=True)
class Measured:
    """A run of a function: its answer, processor seconds, seconds by the clock, MB of memory at the peak."""

    answer: Payload
    cpu_s: float
    wall_s: float
    peak_mb: float


class Functions:
    """The functions of the pipeline, each run in a process of its own."""

    def __init__(self, endpoint: str, folder: Path, weights: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "IMPP_CATALOG_TABLE": TABLE,
            "IMPP_WEIGHTS_BUCKET": BUCKETS["work"],
            "IMPP_WEIGHTS_KEYS": json.dumps(weights),
            "PATH": os.environ["PATH"],
            **{f"IMPP_{name.upper()}_BUCKET": bucket for name, bucket in BUCKETS.items()},
        }

    def run(self, name: str, event: Payload) -> Measured:
        """Invoke a function; raises if it fails or takes more memory than it has."""
        memory = FUNCTIONS[name]["memory_mb"]
        environment = {"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory)}
        spec = sandbox.Spec(
            f"impp_lambdas.handlers.{name}.handler",
            (str(ROOT / "src"), str(ROOT / "edge")),
            (next(path for path in sys.path if path.endswith("site-packages")),),
            self._environment | environment,
            memory,
            self._folder,
        )
        worker = sandbox.Sandbox(spec, WALL_S)
        try:
            if worker.init_error:
                raise RuntimeError(worker.init_error)
            began = time.monotonic()
            limit = 8 * WALL_S  # by the clock: of a machine that others use as well
            request = {"id": uuid.uuid4().hex, "arn": name, "deadline": time.time() + limit, "event": event}
            answer, is_error = worker.invoke({**request, "client": None, "trace": ""}, limit)
            wall_s, peak_mb = time.monotonic() - began, worker.peak_bytes / 2**20
            if is_error:
                raise RuntimeError(answer)
            return Measured(json.loads(answer), _cpu_seconds(worker.process.pid), wall_s, peak_mb)
        finally:
            worker.kill()


def _cpu_seconds(pid: int) -> float:
    """Of a process and its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _filled(index: Payload, looks: list[Payload], pack: bytes, start: float, end: float) -> Sampled:
    """What was sampled of a piece, repeated from `start` to `end`."""
    first = looks[0]["t"]
    length = round(looks[-1]["t"] - first) + 1
    offsets = [start - first + n * length for n in range(int((end - start) / length) + 1)]

    def moved(entries: list[Payload]) -> list[Payload]:
        copies = [{**entry, "t": round(entry["t"] + offset, 3)} for offset in offsets for entry in entries]
        return [entry for entry in copies if start <= entry["t"] < end]

    pictures = []
    for entry in moved(index["pictures"])[:KEEP]:
        offset, size = entry.pop("offset"), entry.pop("length")
        pictures.append(Picture(**entry, jpeg=partial(bytes, pack[offset : offset + size])))
    sprite, voice = index["sprite"], Voice(**index["voice"])
    spans = [(a + offset, min(b + offset, end)) for offset in offsets for a, b in voice.spans if a + offset < end]
    share = (end - start) / length
    times = [t + offsets[0] for t in sprite["times"]]
    board = Storyboard(
        pack[sprite["offset"] : sprite["offset"] + sprite["length"]], "", times, sprite["width"], sprite["height"]
    )
    heard = Voice(voice.voiced_s * share, voice.total_s * share, spans, voice.busiest_s)
    return Sampled(pictures, pictures[0], board, moved(looks), heard, index["incomplete"])


class Bench:
    """One recording on its way through the functions."""

    def __init__(self, functions: Functions, s3: Any, dynamodb: Any) -> None:
        self._functions, self._s3, self._dynamodb = functions, s3, dynamodb

    def run(self, recording: Recording, path: Path, count: int, seconds: float) -> Iterator[str]:
        """Yield lines of the report."""
        key = f"originals/dashcam/bench/2026/11/20/20261120_08{recording.hours:02}00_NF.mp4"
        size = path.stat().st_size
        self._s3.upload_file(str(path), BUCKETS["ingest"], key)
        path.unlink()
        version = self._s3.head_object(Bucket=BUCKETS["ingest"], Key=key)["VersionId"]
        claim = {"pk": {"S": keys.catalog_claim(BUCKETS["ingest"], key, version)}, "execution": {"S": EXECUTION}}
        self._dynamodb.put_item(TableName=TABLE, Item=claim)
        event = {"bucket": BUCKETS["ingest"], "key": key, "version": version}
        inspected = self._functions.run("inspect", {**event, "execution": EXECUTION, "features": FEATURES})
        media = inspected.answer
        if media["verdict"] != "process":
            raise RuntimeError(f"{media['verdict']}: {media['reason']} {media['detail']}")
        planned = media["plan"]["parts"]
        yield f"{recording.name}: {size / 1e9:.1f} GB, {len(planned)} parts of {planned[0][1]:.0f} s"
        yield _line("inspect", inspected)
        results = yield from self._parts(media, count, seconds)
        joined = self._functions.run("join", {**media, "parts": results})
        yield _line("join", joined)
        request, answer = len(json.dumps({**media, "parts": results})), len(json.dumps(joined.answer))
        yield f"  payload of Join {request / 1024:.0f} KiB, its answer {answer / 1024:.0f} KiB"
        sample = joined.answer
        analyzed = self._functions.run("analyze", {**media, "frames": sample["frames"], "findings": sample["findings"]})
        yield _line("analyze", analyzed)
        yield f"  asked {analyzed.answer['asked']} calls about {sample['frame_count']} frames"
        transitions = next(line for line in media["quote"] if line["item"] == "standard_transition")
        usd = sum(line["usd"] for line in media["quote"])
        yield f"  quote ${usd:.2f}, ${usd / recording.hours:.3f} per hour; {transitions['quantity']:.0f} transitions"

    def _parts(self, media: Payload, count: int, seconds: float) -> Generator[str, None, list[Payload]]:
        """Sample some parts, and write the others from what they show. Returns the results of all."""
        planned = media["plan"]["parts"]
        chosen = range(len(planned)) if not count else [n * len(planned) // count for n in range(count)]
        slowest = 0.0
        results = {}
        for number in chosen:
            start, end = planned[number]
            edges = [[*part] for part in planned]
            edges[number] = [start, min(end, start + seconds)]
            shortened = {**media, "plan": {**media["plan"], "parts": edges}, "part": number}
            sampled = self._functions.run("sample", shortened)
            results[number] = sampled.answer
            whole = sampled.cpu_s * (end - start) / (edges[number][1] - start)
            slowest = max(slowest, whole)
            yield _line(f"sample, part {number}, {edges[number][1] - start:.0f} of {end - start:.0f} s", sampled)
        yield f"  slowest part, whole: {slowest:.0f} s, on Graviton {GRAVITON * slowest:.0f} of {WALL_S:.0f} s"
        if seconds < planned[0][1] or len(results) < len(planned):
            self._fill(media, sorted(results))
        return [{**results.get(n, results[min(results)]), "part": n, "transitions": 1} for n in range(len(planned))]

    def _fill(self, media: Payload, sampled: list[int]) -> None:
        asset, work = media["asset"], BUCKETS["work"]

        def read(number: int, kind: str) -> bytes:
            name = keys.work(asset, f"parts/{number:03d}.{kind}")
            return bytes(self._s3.get_object(Bucket=work, Key=name)["Body"].read())

        pieces = [
            (json.loads(read(n, "json")), [dict(look) for look in unpack(read(n, "jsonl.gz"))], read(n, "jpegs"))
            for n in sampled
        ]
        for number, (start, end) in enumerate(media["plan"]["parts"]):
            index, looks, pack = pieces[number % len(pieces)]
            parts.write(work, asset, number, _filled(index, looks, pack, start, end))


def _line(name: str, run: Measured) -> str:
    usage = f"{run.cpu_s:.1f} processor seconds, {run.wall_s:.1f} by the clock, {run.peak_mb:.0f} MB"
    return f"  {name}: {usage} of {FUNCTIONS[name.partition(',')[0]]['memory_mb']}"


@contextmanager
def _cloud(folder: Path) -> Iterator[Bench]:
    with LocalCloud(port=0, state=folder / "cloud") as cloud:
        s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
        for bucket in BUCKETS.values():
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=BUCKETS["ingest"], VersioningConfiguration={"Status": "Enabled"})
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        weights = {name: f"weights/{hashlib.sha256(assets.path(name).read_bytes()).hexdigest()}" for name in WEIGHTS}
        for name, key in weights.items():
            s3.upload_file(str(assets.path(name)), BUCKETS["work"], key)
        os.environ.update(AWS_ENDPOINT_URL=cloud.endpoint, AWS_DEFAULT_REGION=REGION)
        os.environ.update(AWS_ACCESS_KEY_ID=ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY=SECRET_ACCESS_KEY)
        boto3.setup_default_session()
        scratch = folder / "lambda"
        scratch.mkdir()
        yield Bench(Functions(cloud.endpoint, scratch, weights), s3, dynamodb)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of a recording's name")
    parser.add_argument("--hours", type=int, help="instead of 12 and 4")
    parser.add_argument("--parts", type=int, default=2, help="parts that are sampled; 0: all")
    parser.add_argument("--seconds", type=float, default=1e9, help="of each, so many seconds from its start")
    options = parser.parse_args()
    for recording in RECORDINGS:
        if options.only not in recording.name:
            continue
        with tempfile.TemporaryDirectory(prefix="impp-long-") as folder, _cloud(Path(folder)) as bench:
            path = Path(folder) / "long.mp4"
            shortened = replace(recording, hours=options.hours or recording.hours)
            write(shortened.size, shortened.crf, 60 * shortened.hours, path)
            for line in bench.run(shortened, path, options.parts, options.seconds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
