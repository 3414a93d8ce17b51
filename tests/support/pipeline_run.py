"""One file through Inspect, Sample, the local MediaConvert, Archive and Publish, in one process."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
from tests.support.aws_fakes import INGEST, FakeContext
from tests.support.pipeline_account import DELIVERY, Account, Answer

from impp_lambdas.adapters import decoding
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import decoder
from impp_lambdas.handlers import archive, join, publish, quarantine, sample
from impp_local.services.mediaconvert import runner
from impp_local.services.mediaconvert.plan import JobError, make_plan

STARTED = "2026-11-22T10:00:00.123Z"

_THREAD = threading.local()
_run_child = decoding.run


def _run(
    task: str, request: Mapping[str, Any], file: Any, limits: Any, child: ModuleType = decoder
) -> tuple[dict[str, Any], list[bytes]]:
    """What :func:`impp_lambdas.adapters.decoding.run` does, in this process unless the file is risky."""
    if getattr(_THREAD, "is_risky", True):
        return _run_child(task, request, file, limits, child)
    return run_here(task, request, file, limits, child)


def run_here(
    task: str, request: Mapping[str, Any], file: Any, limits: Any, child: ModuleType = decoder
) -> tuple[dict[str, Any], list[bytes]]:
    """What :func:`impp_lambdas.adapters.decoding.run` does, in this process."""
    file.seek(0)
    more = {"memory_mb": limits.memory_mb, "file_bytes": limits.file_bytes, "seconds": limits.seconds}
    result, blobs = child.TASKS[task](file, {**request, **more, "task": task, "size": file.size})
    return json.loads(json.dumps(result)), [*blobs]


@contextmanager
def children_for_risky_files() -> Iterator[None]:
    """While this lasts, :func:`process` starts children for risky files only."""
    decoding.run = _run
    try:
        yield
    finally:
        decoding.run = _run_child


TABLE_LOCK = threading.Lock()
"""Moto copies a table's items while others change."""


@dataclass(frozen=True)
class Ending:
    """`manifest` is None for a file that is quarantined; `seconds` is how long all steps took."""

    state: str
    reason: str | None
    alert: Mapping[str, Any]
    media: Mapping[str, Any]
    manifest: Mapping[str, Any] | None
    seconds: float


def process(account: Account, name: str, data: bytes, *, is_risky: bool = True) -> Ending:
    """Upload a file and process it as the state machine does, without detectors and speech.

    A file that is not risky is decoded in this process, which saves the start of a child. Each file is from a device
    of its own, because alerts per device and day are limited.
    """
    _THREAD.is_risky = is_risky
    started = time.monotonic()
    execution = f"arn:aws:states:us-east-1:123456789012:execution:impp-test-pipeline:{name}"
    key = f"originals/phone/{zlib.crc32(name.encode()):08x}/2026/11/22/{name}"
    with TABLE_LOCK:
        media = account.inspect(key, account.put(key, data), execution)
    run = {"execution": execution, "started_at": STARTED, "retries": 0, "media": media}
    if media["verdict"] == "quarantine":
        with TABLE_LOCK:
            out = quarantine.handler(run, FakeContext())
    else:
        sampled = _sample(media)
        branches = {"sample": sampled, "transcode": _transcode(media)}
        with TABLE_LOCK:
            stored = archive.handler(media, FakeContext())
            out = publish.handler(run | {"branches": branches, "archive": stored}, FakeContext())
    with TABLE_LOCK:
        item = account.asset(media["asset"])
    return Ending(
        state=out["state"],
        reason=item.get("reason"),
        alert=out["alert"],
        media=media,
        manifest=_manifest(media["asset"]),
        seconds=time.monotonic() - started,
    )


def _sample(media: Mapping[str, Any]) -> Answer:
    try:
        plan = {**media["plan"], "detectors": {"labels": "rekognition"}}  # the models are not what is tried here
        context, event = FakeContext(memory_limit_in_mb=1769), {**media, "plan": plan}
        if len(plan["parts"]) == 1:
            return sample.handler(event, context)
        parts = [sample.handler({**event, "part": number}, context) for number in range(len(plan["parts"]))]
        return join.handler({**event, "parts": parts}, context)
    except Unreadable as error:
        cause = json.dumps({"errorType": "Unreadable", "errorMessage": str(error)})
        return {"status": "failed", "error": "Unreadable", "cause": cause, "frames": None, "poster": None, "usage": []}


def _transcode(media: Mapping[str, Any]) -> Answer:
    """What the state machine's task returns for the planned job."""
    settings = media["plan"]["job_settings"]
    if not settings:
        return {"status": "skipped", "reason": "no renditions planned"}
    bucket, _, key = settings["Inputs"][0]["FileInput"].removeprefix("s3://").partition("/")
    with tempfile.TemporaryDirectory(prefix="impp-run-") as folder:
        path = Path(folder) / "input"
        with path.open("wb") as file:
            shutil.copyfileobj(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"], file)
        try:
            outputs = _encode(settings, path, Path(folder))
        except JobError as error:
            return {"status": "failed", "error": "States.TaskFailed", "cause": error.message}
    return {"status": "ok", "job": "job", "outputs": outputs}


def _encode(settings: Mapping[str, Any], path: Path, work: Path) -> list[Answer]:
    url = settings["Inputs"][0]["FileInput"]
    media = runner.open_input(url, path)
    plan = make_plan(settings, media, path, 1)
    for rendition in plan.renditions:
        (work / rendition.folder).mkdir()
    runner.encode(plan, work, timeout_s=60, canceled=threading.Event())
    outputs = []
    for rendition in plan.renditions:
        file = work / rendition.folder / rendition.main_file
        target = f"{rendition.key_prefix}.{rendition.extension}"
        boto3.client("s3").put_object(Bucket=DELIVERY, Key=target, Body=file.read_bytes())
        seconds = runner.open_input(url, file).duration_s
        outputs.append({"duration_s": seconds, "width": rendition.width, "height": rendition.height})
    return outputs


def _manifest(asset: str) -> Answer | None:
    key = f"assets/{asset}/manifest.json"
    if not boto3.client("s3").list_objects_v2(Bucket=DELIVERY, Prefix=key)["KeyCount"]:
        return None
    document: Answer = json.loads(boto3.client("s3").get_object(Bucket=DELIVERY, Key=key)["Body"].read())
    return document


def tags(key: str) -> dict[str, str]:
    """The tags of an original."""
    tag_set = boto3.client("s3").get_object_tagging(Bucket=INGEST, Key=key)["TagSet"]
    return {t["Key"]: t["Value"] for t in tag_set}
