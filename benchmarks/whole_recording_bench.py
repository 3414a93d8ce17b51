"""A whole long recording through the deployed pipeline: hours of 1080p30, one of its parts killed on the way.

    make up PORT=4599 STATE=/tmp/whole-recording &
    PYTHONPATH=src:edge .venv/bin/python benchmarks/whole_recording_bench.py --state /tmp/whole-recording --minutes 120

A minute of real footage with speech is repeated without encoding. Nothing is shortened or replaced: all parts are
sampled, joined, analysed, heard, encoded and published. A process that samples a part is killed (SIGKILL) in its midst,
once; the state machine must run that part again, and no other. `--keep-all` kills nothing, `--silent` leaves out the
speech.

Memory and durations are those of Lambda's REPORT lines. Processor seconds are those of the functions' processes and
their children: on a busy machine the clock says little.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "edge")]

from benchmarks.long_file_bench import write  # noqa: E402

from impp_lambdas.core.keys import asset_id, catalog_asset  # noqa: E402
from impp_lambdas.core.planning.proxy import GRAVITON  # noqa: E402
from impp_local.demo.collect import plain  # noqa: E402
from impp_local.demo.up import Record  # noqa: E402
from impp_local.kernel.defaults import ACCOUNT, REGION  # noqa: E402
from impp_local.services.lambda_ import sandbox  # noqa: E402

PREFIX = "impp-local"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{PREFIX}-pipeline"
KEY = "originals/dashcam/bench/2026/11/20/20261120_{:02}{:02}00_NF.mp4"
WALL_S = 900.0
BUSY_S = 30.0
"""Processor seconds after which a part is under way."""
TICKS = os.sysconf("SC_CLK_TCK")

Event = Mapping[str, Any]


class Watch:
    """Processor seconds of the functions' processes, by function; kills one of them when asked."""

    def __init__(self, cloud: int) -> None:
        self._cloud = cloud
        self._seconds: dict[tuple[str, int], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """Seconds by the name of the function."""
        self._stop.set()
        self._thread.join()
        totals: defaultdict[str, float] = defaultdict(float)
        for (name, _), seconds in self._seconds.items():
            totals[name] += seconds
        return dict(totals)

    def kill(self, name: str) -> int | None:
        """Kill a process of a function that has worked for a while; its id, None if there is none."""
        for (function, pid), seconds in dict(self._seconds).items():
            if function == name and seconds > BUSY_S:
                os.kill(pid, signal.SIGKILL)
                return pid
        return None

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            for pid in _children(self._cloud):
                with suppress(OSError, ValueError):
                    name = _function(pid)
                    if name:
                        now = sum(_cpu_seconds(process) for process in sandbox.tree(pid))
                        self._seconds[name, pid] = max(now, self._seconds.get((name, pid), 0.0))


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text("ascii").split()]


def _function(pid: int) -> str | None:
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    name = next((value for value in environment if value.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")), b"")
    return name.partition(b"=")[2].decode().removeprefix(f"{PREFIX}-") or None


def _cpu_seconds(pid: int) -> float:
    """Of a process and its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


class Pipeline:
    """The deployed pipeline of a local cloud."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session("test", "test", region_name=REGION)
        self._clients = {
            name: session.client(name, endpoint_url=endpoint) for name in ("s3", "stepfunctions", "dynamodb", "logs")
        }
        self._endpoint = endpoint

    def upload(self, path: Path, key: str) -> str:
        """Upload a file; returns the asset's id."""
        s3, bucket = self._clients["s3"], f"{PREFIX}-{ACCOUNT}-ingest"
        s3.upload_file(str(path), bucket, key)
        return asset_id(bucket, key, s3.head_object(Bucket=bucket, Key=key)["VersionId"], None)

    def execution(self, key: str) -> str:
        """The execution that an object started."""
        states = self._clients["stepfunctions"]
        while True:
            for entry in states.list_executions(stateMachineArn=MACHINE, maxResults=5)["executions"]:
                arn = str(entry["executionArn"])
                if json.loads(states.describe_execution(executionArn=arn)["input"])["detail"]["object"]["key"] == key:
                    return arn
            time.sleep(1)

    def status(self, execution: str) -> str:
        """How an execution stands."""
        return str(self._clients["stepfunctions"].describe_execution(executionArn=execution)["status"])

    def history(self, execution: str) -> list[Event]:
        """All events of an execution."""
        pages = self._clients["stepfunctions"].get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def item(self, asset: str) -> dict[str, Any]:
        """The catalog item of an asset."""
        from boto3.dynamodb.types import TypeDeserializer

        key = {"pk": {"S": catalog_asset(asset)}}
        response = self._clients["dynamodb"].get_item(TableName=f"{PREFIX}-catalog", Key=key)
        return {name: plain(TypeDeserializer().deserialize(value)) for name, value in response["Item"].items()}

    def manifest(self, asset: str) -> dict[str, Any]:
        """The manifest of an asset."""
        key = {"Bucket": f"{PREFIX}-{ACCOUNT}-delivery", "Key": f"assets/{asset}/manifest.json"}
        manifest: dict[str, Any] = json.loads(self._clients["s3"].get_object(**key)["Body"].read())
        return manifest

    def reports(self, since: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """Function and metrics of each REPORT line: `durationMs`, `maxMemoryUsedMB`, `memorySizeMB`."""
        logs = self._clients["logs"]
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{PREFIX}-")["logGroups"]:
            name = group["logGroupName"]
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=int(since * 1000))
            for event in (event for page in pages for event in page["events"]):
                with suppress(ValueError):
                    entry = json.loads(event["message"])
                    if isinstance(entry, dict) and entry.get("type") == "platform.report":
                        yield name.removeprefix(f"/aws/lambda/{PREFIX}-"), entry["record"]["metrics"]

    def bill(self, asset: str) -> list[dict[str, Any]]:
        """What AWS would bill for an asset."""
        with urllib.request.urlopen(f"{self._endpoint}/_impp/bill", timeout=60) as response:  # noqa: S310  # ours
            return [line for line in json.load(response)["lines"] if line.get("asset") == asset]


def entered(history: list[Event]) -> Counter[str]:
    """How often each state was entered."""
    return Counter(
        event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
    )


def run(pipeline: Pipeline, watch: Watch, path: Path, hours: float, *, kills: bool) -> Iterator[str]:
    """Upload, wait, and yield the lines of the report."""
    key = KEY.format(int(time.time()) // 3600 % 24, int(time.time()) // 60 % 60)
    size, began = path.stat().st_size, time.time()
    asset = pipeline.upload(path, key)
    path.unlink()
    yield f"{hours:g} h of 1080p30, {size / 1e9:.1f} GB, uploaded in {time.time() - began:.0f} s: {asset}"
    execution = pipeline.execution(key)
    began, killed = time.time(), None
    while pipeline.status(execution) == "RUNNING":
        time.sleep(5)
        if kills and killed is None and (killed := watch.kill("sample")):
            yield f"  killed process {killed} of Sample after {time.time() - began:.0f} s"
    processor = watch.stop()
    history = pipeline.history(execution)
    yield f"  {pipeline.status(execution)} after {time.time() - began:.0f} s by the clock"
    yield from _functions(pipeline, began, processor)
    yield from _states(history)
    yield from _results(pipeline, asset, hours, entered(history))


def _functions(pipeline: Pipeline, since: float, processor: Mapping[str, float]) -> Iterator[str]:
    reports: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, metrics in pipeline.reports(since):
        reports[name].append(metrics)
    for name, runs in sorted(reports.items()):
        clock = [metrics["durationMs"] / 1000 for metrics in runs]
        peak, of = max(metrics["maxMemoryUsedMB"] for metrics in runs), runs[0]["memorySizeMB"]
        seconds = processor.get(name, 0.0)
        yield (
            f"  {name}: {len(runs)} runs, {seconds:.1f} processor seconds in all; by the clock {min(clock):.1f} to "
            f"{max(clock):.1f} s each; {peak} of {of} MB"
        )
    parts = len(reports["sample"]) - 2  # the first run, which says that the file is long, and the one that is killed
    each = processor.get("sample", 0.0) / max(1, parts)
    yield f"  a part of Sample: {each:.0f} s, on Graviton {GRAVITON * each:.0f} of {WALL_S:.0f} s"


def _states(history: list[Event]) -> Iterator[str]:
    states = entered(history)
    retries = Counter(event["type"] for event in history if event["type"].endswith(("Failed", "TimedOut")))
    yield f"  states entered: {sum(states.values())}: {dict(states)}; failures: {dict(retries)}"


def _results(pipeline: Pipeline, asset: str, hours: float, states: Counter[str]) -> Iterator[str]:
    item, manifest, bill = pipeline.item(asset), pipeline.manifest(asset), pipeline.bill(asset)
    yield f"  state {item['state']}, reason {item.get('reason')}"
    analysis, pieces = manifest.get("analysis") or {}, manifest.get("storyboard")
    counts = {name: len(value) for name, value in analysis.items() if isinstance(value, list)}
    yield f"  findings: {counts}; storyboard: {pieces}; poster: {bool(manifest.get('poster'))}"
    for rendition in manifest["renditions"]:
        yield f"  rendition {rendition['name']}: {rendition.get('duration_s')} s, {rendition['bytes'] / 1e6:.0f} MB"
    size = len(json.dumps(manifest))
    yield f"  manifest: {size / 1024:.0f} KiB; keys {sorted(manifest)}"
    quoted = sum(line["usd"] for line in item["quote"])
    spent, billed = sum(line["usd"] for line in item["ledger"]), sum(line["usd"] for line in bill)
    yield f"  quote ${quoted:.4f}, ledger ${spent:.4f}, bill ${billed:.4f}; quote per hour ${quoted / hours:.4f}"
    for service in sorted({line["service"] for line in item["ledger"]}):
        sums = [
            sum(line["usd"] for line in lines if line["service"] == service)
            for lines in (item["quote"], item["ledger"], bill)
        ]
        yield f"    {service}: quote {sums[0]:.5f}, ledger {sums[1]:.5f}, bill {sums[2]:.5f}"
    quantities = [
        sum(line["quantity"] for line in lines if line["item"] == "standard_transition")
        for lines in (item["quote"], item["ledger"], bill)
    ]
    yield f"  transitions: quoted {quantities[0]:g}, ledger {quantities[1]:g}, bill {quantities[2]:g}"
    yield f"  parts: {states['SamplePart']}, failed for good: {states['PartFailed']}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder of the local cloud")
    parser.add_argument("--minutes", type=int, default=120)
    parser.add_argument("--crf", type=int, default=28, help="quality of x264; 28 is some 4 Mbit/s")
    parser.add_argument("--silent", action="store_true", help="a tone instead of speech")
    parser.add_argument("--keep-all", action="store_true", help="kill no part")
    options = parser.parse_args()
    cloud = Record.read(options.state)
    if cloud is None or not cloud.is_running():
        sys.exit(f"no local cloud uses {options.state}")
    with tempfile.TemporaryDirectory(prefix="impp-whole-", dir=options.state.parent) as folder:
        path = Path(folder) / "long.mp4"
        write("1920:1080", options.crf, options.minutes, path, is_silent=options.silent)
        kills = not options.keep_all
        for line in run(Pipeline(cloud.endpoint), Watch(cloud.pid), path, options.minutes / 60, kills=kills):
            print(line, flush=True)


if __name__ == "__main__":
    main()
