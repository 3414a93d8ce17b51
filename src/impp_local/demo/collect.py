"""Gather the result of each file: from the edge script, the catalog, the histories of executions, the alerts, the bill.

It calls AWS APIs only, so the same code could describe a run on AWS; only the bill is a page of the local cloud.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from impp_lambdas.core import replies
from impp_local.demo.card import CardFile, Outcome
from impp_local.demo.facts import FileReport, Rendition, Step

FACTS = frozenset(
    {"kind", "duration_s", "width", "height", "rotation", "fps", "video_codec", "audio_codec", "has_audio", "container"}
    | {"bytes", "source", "device", "camera", "recording", "captured_at", "captured_at_from", "sha256"}
)
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_BROKEN = ("Failed", "TimedOut", "Aborted")


@dataclass(frozen=True)
class Execution:
    """One run of the state machine over an object key."""

    arn: str
    key: str
    status: str
    started: datetime
    stopped: datetime | None


class Cloud:
    """Read access to a deployed environment: boto3 clients by service name, and the outputs of its root."""

    def __init__(self, clients: Any, outputs: Mapping[str, Any]) -> None:
        self._client = clients
        self.outputs = outputs
        self._executions: dict[str, Execution] = {}  # by ARN

    def catalog(self) -> dict[str, dict[str, Any]]:
        """Asset id → catalog item as plain values."""
        from boto3.dynamodb.types import TypeDeserializer

        decode = TypeDeserializer().deserialize
        pages = self._client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["catalog_table"])
        items = ({k: plain(decode(v)) for k, v in item.items()} for page in pages for item in page["Items"])
        return {item["pk"].removeprefix("ASSET#"): item for item in items if item["pk"].startswith("ASSET#")}

    def executions(self) -> list[Execution]:
        """All executions, oldest first. Those that have ended are asked for once, however many there are."""
        states, machine = self._client("stepfunctions"), self.outputs["state_machine_arn"]
        lists = states.get_paginator("list_executions")
        running = lists.paginate(stateMachineArn=machine, statusFilter="RUNNING")
        listed = {entry["executionArn"]: entry for page in running for entry in page["executions"]}
        for page in lists.paginate(stateMachineArn=machine):  # newest first
            new = [entry for entry in page["executions"] if entry["executionArn"] not in self._executions]
            listed |= {entry["executionArn"]: entry for entry in new}
            if len(new) < len(page["executions"]):
                break
        was_running = {arn for arn, known in self._executions.items() if known.status not in ENDED}
        listed |= {arn: states.describe_execution(executionArn=arn) for arn in was_running - listed.keys()}
        self._executions |= {arn: self._execution(entry) for arn, entry in listed.items()}
        return sorted(self._executions.values(), key=lambda execution: execution.started)

    def _execution(self, entry: Mapping[str, Any]) -> Execution:
        arn, status = entry["executionArn"], entry["status"]
        if known := self._executions.get(arn):
            key = known.key
        else:
            described = self._client("stepfunctions").describe_execution(executionArn=arn)
            key = json.loads(described["input"])["detail"]["object"]["key"]
        stopped = entry.get("stopDate") if status in ENDED else None
        return Execution(arn, key, status, entry["startDate"], stopped)

    def latest_event(self, arn: str) -> tuple[int, str]:
        """The number of an execution's latest event, and the name of a state that it is in ("" when unknown)."""
        history = self._client("stepfunctions").get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=20
        )
        events = history["events"]
        entered = (event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event)
        return (events[0]["id"] if events else 0), next(entered, "")

    def jobs(self) -> dict[str, str]:
        """What the unfinished jobs of MediaConvert and Transcribe have done so far, by job."""
        mediaconvert, transcribe = self._client("mediaconvert"), self._client("transcribe")
        progress: dict[str, str] = {}
        for status in ("SUBMITTED", "PROGRESSING"):
            for page in mediaconvert.get_paginator("list_jobs").paginate(Status=status):
                for job in page["Jobs"]:
                    progress[job["Id"]] = f"{status} {job.get('CurrentPhase')} {job.get('JobPercentComplete')}"
        for status in ("QUEUED", "IN_PROGRESS"):
            page = transcribe.list_transcription_jobs(Status=status, MaxResults=100)
            for job in page["TranscriptionJobSummaries"]:
                progress[job["TranscriptionJobName"]] = status
        return progress

    def history(self, arn: str) -> list[dict[str, Any]]:
        """The events of an execution, oldest first."""
        pages = self._client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def object_bytes(self, bucket_output: str, key: str) -> bytes:
        """The content of an object in the bucket that this output names."""
        body: bytes = self._client("s3").get_object(Bucket=self.outputs[bucket_output], Key=key)["Body"].read()
        return body


def plain(value: Any) -> Any:
    """A catalog value without DynamoDB's Decimal and sets."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
        case Mapping():
            return {key: plain(entry) for key, entry in value.items()}
        case list() | tuple() | set():
            return [plain(entry) for entry in value]
    return value


def steps(events: Iterable[Mapping[str, Any]], *, ended: bool) -> list[Step]:
    """The states that an execution passed, in order of entry. One whose last event was a failure was `caught`, unless
    its function only replied that other steps follow."""
    by_id: dict[int, Mapping[str, Any]] = {}
    # States entered and not left: order of entry, when. A state of a Map is entered once per item, many at a time.
    inside: defaultdict[str, deque[tuple[int, datetime]]] = defaultdict(deque)
    orders = itertools.count()
    by_order: dict[int, Step] = {}
    start = now = None
    for event in events:
        by_id[event["id"]] = event
        start, now = start or event["timestamp"], event["timestamp"]
        if name := event.get("stateEnteredEventDetails", {}).get("name"):
            inside[name].append((next(orders), now))
        elif (name := event.get("stateExitedEventDetails", {}).get("name")) and inside[name]:
            before = by_id.get(event.get("previousEventId", 0), {})
            is_caught = before.get("type", "").endswith(_BROKEN) and _error(before) not in replies.NAMES
            order, entered = inside[name].popleft()
            by_order[order] = _step(name, start, entered, now, "caught" if is_caught else "succeeded")
    for name, order, entered in [(name, *one) for name, entries in inside.items() for one in entries]:
        assert start and now
        by_order[order] = _step(name, start, entered, now, "failed" if ended else "running")
    return [by_order[order] for order in sorted(by_order)]


def _error(event: Mapping[str, Any]) -> str:
    return str(event.get("taskFailedEventDetails", {}).get("error", ""))


def _step(name: str, start: datetime, entered: datetime, left: datetime, status: str) -> Step:
    return Step(name, (entered - start).total_seconds(), (left - entered).total_seconds(), status)


def file_reports(
    card: Iterable[CardFile],
    outcome_of: Callable[[CardFile], Outcome | None],
    cloud: Cloud,
    alerts: Iterable[Mapping[str, Any]],
    metered: Mapping[str, float],
    stalled: Mapping[str, str] = MappingProxyType({}),
    on_report: Callable[[int], None] = lambda _count: None,
) -> list[FileReport]:
    """Join the files of the card with what the edge script and the cloud recorded about them.

    `metered` is USD by asset, `stalled` says by key that a file makes no progress; `on_report` is called with the
    number of files so far.
    """
    catalog = cloud.catalog()
    by_key = {item["key"]: item for item in catalog.values() if item.get("key")}
    executions: defaultdict[str, list[Execution]] = defaultdict(list)
    for execution in cloud.executions():
        executions[execution.key].append(execution)
    by_asset: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for alert in alerts:
        by_asset[str(alert.get("asset"))].append(dict(alert))
    reports: list[FileReport] = []
    reported: set[str] = set()  # keys: a second file of the same key has the same content
    for number, entry in enumerate(card):
        if number:
            on_report(number)
        outcome = outcome_of(entry)
        base = FileReport(entry.file, entry.bytes, "missing", expected=entry.expected)
        if outcome is None or outcome.kind != "uploaded" or outcome.key is None:
            reports.append(_not_uploaded(base, outcome))
            continue
        item = by_key.get(outcome.key) or catalog.get((outcome.sha256 or "")[:20], {})
        is_copy = outcome.key in reported
        reported.add(outcome.key)
        runs = [] if is_copy else executions[outcome.key]
        report = _file_report(replace(base, key=outcome.key), is_copy, item, runs, by_asset, cloud, stalled)
        billed = metered.get(report.asset or "", 0.0) if report.ledger or report.quote else 0.0
        reports.append(replace(report, usd_bill=billed))
    return reports


def _not_uploaded(base: FileReport, outcome: Outcome | None) -> FileReport:
    if outcome is None:
        return replace(base, reason="the edge script did not upload it")
    match outcome.kind:
        case "sidecar":
            return replace(base, state="sidecar")
        case "waiting":
            return replace(base, state="running", reason="the run was stopped before it was uploaded")
        case "skipped":
            return replace(base, state="skipped", reason=outcome.reason)
    return replace(base, reason=f"the edge script could not upload it: {outcome.reason}")


def _file_report(
    base: FileReport,
    is_copy: bool,
    item: Mapping[str, Any],
    runs: list[Execution],
    alerts: Mapping[str, list[dict[str, Any]]],
    cloud: Cloud,
    stalled: Mapping[str, str],
) -> FileReport:
    run = max(runs, key=lambda run: (run.stopped or run.started) - run.started, default=None)
    passed_steps = steps(cloud.history(run.arn), ended=run.status in ENDED) if run else []
    state, reason, detail = _end(base.key, is_copy, item, runs, passed_steps, stalled)
    base = replace(
        base,
        state=state,
        reason=reason,
        detail=detail,
        asset=item.get("asset"),
        steps=passed_steps,
        execution=run.arn if run else None,
    )
    # A second copy of the same content shares the asset, but its cost and its alerts are reported with the first.
    return base if state in ("duplicate", "missing") else _with_item(base, item, alerts)


def _with_item(base: FileReport, item: Mapping[str, Any], alerts: Mapping[str, list[dict[str, Any]]]) -> FileReport:
    return replace(
        base,
        facts={name: item[name] for name in sorted(FACTS) if item.get(name) is not None},
        labels=[label if isinstance(label, dict) else {"name": str(label)} for label in item.get("labels", ())],
        moderation=_names(item.get("moderation", ())),
        text=_names(item.get("text", ())),
        faces=int(item.get("faces") or 0),
        speech=bool(item.get("speech")),
        language=item.get("language"),
        transcript=item.get("transcript") or None,
        renditions=[_rendition(entry) for entry in item.get("renditions", ())],
        poster=item.get("poster"),
        storyboard=item.get("storyboard"),
        captions=item.get("captions"),
        archive=item.get("archive") or None,
        branches=dict(item.get("branches") or {}),
        quote=list(item.get("quote", ())),
        ledger=list(item.get("ledger", ())),
        usd_quote=float(item.get("usd_quote") or 0),
        usd=float(item.get("usd") or 0),
        alerts=alerts.get(str(item.get("asset")), []),
    )


def _end(
    key: str | None,
    is_copy: bool,
    item: Mapping[str, Any],
    runs: list[Execution],
    passed: list[Step],
    stalled: Mapping[str, str],
) -> tuple[str, str | None, str | None]:
    """The terminal state of an uploaded file, its reason and the detail of that."""
    if is_copy:
        return "duplicate", f"same content as {key}, not uploaded again", None
    if any(run.status not in ENDED for run in runs) or (not runs and not item):
        where = ", ".join(step.name for step in passed if step.status == "running") or "Start"
        if key in stalled:
            return "stalled", f"{stalled[str(key)]}, in {where}", None
        return "running", f"the run was stopped before it had finished, in {where}", None
    if item and item.get("key") == key:
        return str(item["state"]), item.get("reason"), item.get("detail")
    if item:
        return "duplicate", f"same content as {item['key']}", None
    return "failed", "its execution left no catalog item", None


def _rendition(entry: Mapping[str, Any]) -> Rendition:
    optional = {name: entry.get(name) for name in ("width", "height", "duration_s")}
    return Rendition(str(entry["name"]), str(entry["key"]), int(entry["bytes"]), **optional)


def _names(entries: Iterable[Any]) -> list[str]:
    return [str(entry.get("name") or entry.get("text")) if isinstance(entry, dict) else str(entry) for entry in entries]
