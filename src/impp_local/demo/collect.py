"""Gather the result of each file: from the originals, the catalog, the executions' histories, the alerts and the bill.

It calls AWS APIs only, so the same code could describe a run on AWS; only the bill is a page of the local cloud.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from impp_local.demo.facts import Expectation, FileReport, Rendition, Step

FACTS = frozenset(
    {"kind", "duration_s", "width", "height", "rotation", "fps", "video_codec", "audio_codec", "has_audio", "container"}
    | {"bytes", "source", "device", "camera", "recording", "captured_at", "captured_at_from", "sha256"}
)
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_BROKEN = ("Failed", "TimedOut", "Aborted")


@dataclass(frozen=True)
class Original:
    """One object below originals/ with the metadata that the edge wrote."""

    key: str
    sha256: str
    name: str  # its file name on the card


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
        self._keys: dict[str, str] = {}  # execution ARN → object key

    def originals(self) -> list[Original]:
        """All objects below originals/, oldest first."""
        s3, bucket = self._client("s3"), self.outputs["ingest_bucket"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="originals/")
        listed = [entry for page in pages for entry in page.get("Contents", ())]
        originals = []
        for entry in sorted(listed, key=lambda entry: (entry["LastModified"], entry["Key"])):
            metadata = s3.head_object(Bucket=bucket, Key=entry["Key"])["Metadata"]
            name = unquote(metadata.get("impp-original-name") or entry["Key"].rsplit("/", 1)[-1])
            originals.append(Original(entry["Key"], metadata.get("impp-sha256", ""), name))
        return originals

    def catalog(self) -> dict[str, dict[str, Any]]:
        """Asset id → catalog item as plain values."""
        from boto3.dynamodb.types import TypeDeserializer

        decode = TypeDeserializer().deserialize
        pages = self._client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["catalog_table"])
        items = ({k: plain(decode(v)) for k, v in item.items()} for page in pages for item in page["Items"])
        return {item["pk"].removeprefix("ASSET#"): item for item in items if item["pk"].startswith("ASSET#")}

    def executions(self) -> list[Execution]:
        """All executions, oldest first. An execution's key is read once, from its input."""
        states = self._client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["state_machine_arn"])
        executions = []
        for entry in (entry for page in pages for entry in page["executions"]):
            arn = entry["executionArn"]
            if arn not in self._keys:
                input_document = json.loads(states.describe_execution(executionArn=arn)["input"])
                self._keys[arn] = input_document["detail"]["object"]["key"]
            stopped = entry.get("stopDate") if entry["status"] in ENDED else None
            executions.append(Execution(arn, self._keys[arn], entry["status"], entry["startDate"], stopped))
        return sorted(executions, key=lambda execution: execution.started)

    def current_states(self, execution: Execution) -> list[str]:
        """Names of the states that a running execution is in; several within a Parallel."""
        inside: list[str] = []
        for event in self.history(execution.arn):
            if name := event.get("stateEnteredEventDetails", {}).get("name"):
                inside.append(name)
            elif (name := event.get("stateExitedEventDetails", {}).get("name")) in inside:
                inside.remove(name)
        return inside

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
    """The states that an execution passed, in order of entry. A state whose last event was a failure was `caught`."""
    by_id: dict[int, Mapping[str, Any]] = {}
    inside: dict[str, tuple[int, datetime]] = {}  # states entered and not left: order of entry, when
    by_order: dict[int, Step] = {}
    start = now = None
    for event in events:
        by_id[event["id"]] = event
        start, now = start or event["timestamp"], event["timestamp"]
        if name := event.get("stateEnteredEventDetails", {}).get("name"):
            inside[name] = (len(by_order) + len(inside), now)
        elif (name := event.get("stateExitedEventDetails", {}).get("name")) in inside:
            before = by_id.get(event.get("previousEventId", 0), {}).get("type", "")
            order, entered = inside.pop(name)
            by_order[order] = _step(name, start, entered, now, "caught" if before.endswith(_BROKEN) else "succeeded")
    for name, (order, entered) in inside.items():
        assert start and now
        by_order[order] = _step(name, start, entered, now, "failed" if ended else "running")
    return [by_order[order] for order in sorted(by_order)]


def _step(name: str, start: datetime, entered: datetime, left: datetime, status: str) -> Step:
    return Step(name, (entered - start).total_seconds(), (left - entered).total_seconds(), status)


@dataclass(frozen=True)
class CardFile:
    """One file of the card before the run."""

    path: Path
    file: str  # relative to the card
    sha256: str
    media: bool  # whether the edge should upload it, by its name
    expected: Expectation | None = None


def file_reports(
    card: Iterable[CardFile], cloud: Cloud, alerts: Iterable[Mapping[str, Any]], metered: Mapping[str, float]
) -> list[FileReport]:
    """Join the files of the card with what the cloud recorded about them; `metered` is USD by asset."""
    originals, catalog = cloud.originals(), cloud.catalog()
    executions: defaultdict[str, list[Execution]] = defaultdict(list)
    for execution in cloud.executions():
        executions[execution.key].append(execution)
    by_asset: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for alert in alerts:
        by_asset[str(alert.get("asset"))].append(dict(alert))
    matched = match(card, originals)
    reports = []
    for entry, original in matched:
        item = (
            catalog.get(entry.sha256[:20], {}) if original or any(o.sha256 == entry.sha256 for o in originals) else {}
        )
        runs = executions.get(original.key, []) if original else []
        report = _file_report(entry, original, item, runs, by_asset, cloud)
        billed = metered.get(report.asset or "", 0.0) if report.ledger or report.quote else 0.0
        reports.append(replace(report, usd_bill=billed))
    return reports


def match(card: Iterable[CardFile], originals: Iterable[Original]) -> list[tuple[CardFile, Original | None]]:
    """Each file with its object of the same content, preferably of the same name; an object is taken once."""
    unmatched = defaultdict(list)
    for original in originals:
        unmatched[original.sha256].append(original)
    files = list(card)
    matches: dict[str, Original] = {}
    for same_name in (True, False):
        for entry in files:
            candidates = [o for o in unmatched[entry.sha256] if o.name == entry.path.name or not same_name]
            if entry.file not in matches and candidates:
                matches[entry.file] = candidates[0]
                unmatched[entry.sha256].remove(candidates[0])
    return [(entry, matches.get(entry.file)) for entry in files]


def _file_report(
    entry: CardFile,
    original: Original | None,
    item: Mapping[str, Any],
    runs: list[Execution],
    alerts: Mapping[str, list[dict[str, Any]]],
    cloud: Cloud,
) -> FileReport:
    state, reason = _end(entry, original, item, runs)
    run = max(runs, key=lambda run: (run.stopped or run.started) - run.started, default=None)
    passed_steps = steps(cloud.history(run.arn), ended=run.status in ENDED) if run else []
    base = FileReport(
        file=entry.file,
        bytes=entry.path.stat().st_size,
        state=state,
        reason=reason,
        key=original.key if original else None,
        asset=item.get("asset"),
        expected=entry.expected,
        steps=passed_steps,
        execution=run.arn if run else None,
    )
    # A second copy of the same content shares the asset, but its cost and its alerts are reported with the first.
    return base if state in ("duplicate", "ignored", "missing") else _with_item(base, item, alerts)


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
    entry: CardFile, original: Original | None, item: Mapping[str, Any], runs: list[Execution]
) -> tuple[str, str | None]:
    """The terminal state of a file and its reason."""
    if original is None:
        if item:
            return "duplicate", f"same content as {item['key']}, not uploaded again"
        return ("missing", "the edge did not upload it") if entry.media else ("ignored", "not footage of its own")
    if any(run.status not in ENDED for run in runs):
        return "running", None
    if item and item.get("key") == original.key:
        return str(item["state"]), item.get("reason")
    if item:
        return "duplicate", f"same content as {item['key']}"
    return ("failed", "its execution left no catalog item") if runs else ("missing", "no execution was started for it")


def _rendition(entry: Mapping[str, Any]) -> Rendition:
    optional = {name: entry.get(name) for name in ("width", "height", "duration_s")}
    return Rendition(str(entry["name"]), str(entry["key"]), int(entry["bytes"]), **optional)


def _names(entries: Iterable[Any]) -> list[str]:
    return [str(entry.get("name") or entry.get("text")) if isinstance(entry, dict) else str(entry) for entry in entries]
