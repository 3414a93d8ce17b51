"""``impp-edge status``: what is waiting, running and failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impp_edge.cli import WRONG_SETTING, CommandLine, end, settings
from impp_edge.events import duration, printable, size
from impp_edge.memory.state import StateError
from impp_edge.show.overview import Card, Overview, UnderWay, many, overview, prediction

if TYPE_CHECKING:
    from impp_edge.config import Config

REASONS = {
    "sidecar": "sidecars, not wanted",
    "low-resolution twin": "low-resolution twins",
    "no media": "not media",
    "no known camera": "of unknown cameras",
    "empty": "empty",
}


@click.command()
@settings
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--scan/--no-scan", default=True, help="Scan the folders for files that are waiting (yes).")
@click.option("--online", is_flag=True, help="Ask S3 for the progress of unfinished uploads.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(command_line: CommandLine, paths: tuple[Path, ...], scan: bool, online: bool, as_json: bool) -> None:
    """Show what is waiting, what failed, upload rates, and when the camera will overwrite files.

    Needs no network and does not disturb a run. Without a bucket it shows the state database only.
    """
    configured = command_line.file is not None or "bucket" in command_line.over
    config = command_line.config(paths) if configured else None
    try:
        current = overview(config.state if config else command_line.state(), config, scan)
    except StateError as error:
        end(WRONG_SETTING, str(error))
    trouble = None
    if online and config:
        current, trouble = _with_progress(current, config)
    if as_json:
        click.echo(json.dumps(_document(current), ensure_ascii=False))
        return
    for line in lines(current):
        click.echo(line)
    if trouble:
        click.echo(f"impp-edge: {printable(trouble)}", err=True)


def _with_progress(current: Overview, config: Config) -> tuple[Overview, str | None]:
    """The overview with the bytes that S3 has of each upload, and why S3 could not be asked."""
    from impp_edge.bucket.aws import Offline, Refused
    from impp_edge.bucket.s3 import S3, S3Error

    uploads: list[UnderWay] = []
    try:
        s3 = S3(config.bucket, config.region, config.endpoint_url, config.profile, config.ca_bundle)
        for one in current.under_way:
            try:
                parts = s3.parts(one.key, one.upload) if one.upload else []
                uploads.append(replace(one, sent_bytes=sum(part.size for part in parts)))
            except S3Error:  # it vanished there, or we may not ask
                uploads.append(one)
        s3.close()
    except (Offline, Refused) as error:
        return current, str(error)
    return replace(current, under_way=uploads), None


def _document(current: Overview) -> dict[str, Any]:
    document = asdict(current)
    document["custody"]["ok"] = current.custody.ok
    return document


def lines(current: Overview) -> Iterator[str]:
    """Format an overview as text; control characters in names are escaped."""
    yield from _running(current)
    yield from _queue(current)
    yield from _failed(current)
    yield from _uploads(current)
    for card in current.cards:
        yield from _card(card, current.now)
    log = current.custody
    entries = "entry" if log.entries == 1 else "entries"
    newest = f", newest {log.head[:16]}" if log.entries else ""
    wrong = "" if log.ok else f"; NOT WHOLE: {log.findings[0].why}; see impp-edge verify --log-only"
    yield f"custody log: {log.entries} {entries}{newest}{wrong}"


def _running(current: Overview) -> Iterator[str]:
    if current.running is not None:
        yield f"a run is in progress (process {current.running})" if current.running else "a run is in progress"
    if run := current.last_run:
        result = "complete" if not run.get("failed") and not run.get("stopped") else "not complete"
        stopped = f": {printable(str(run['stopped']))}" if run.get("stopped") else ""
        yield f"last run ended {_moment(run['at'], current.now)}, {result}{stopped}"
    else:
        yield "no run has finished yet"
    if current.changes_at is not None:
        what = "closes" if current.open else "opens"
        yield f"hours: {'open' if current.open else 'closed'}, {what} {_moment(current.changes_at, current.now)}"


def _queue(current: Overview) -> Iterator[str]:
    queue = current.queue
    if queue is None:
        return
    since = f", the oldest {_moment(queue.oldest, current.now)}" if queue.oldest is not None else ""
    yield f"waiting: {many(queue.files, 'file')} ({size(queue.bytes)}){since}"
    if queue.restless:
        yield f"still being written, or truncated: {many(queue.restless, 'file')}"
    for one in current.under_way:
        done = f"{one.sent_bytes / max(one.size, 1):.0%} of " if one.sent_bytes is not None else ""
        yield f"  in progress: {printable(one.path)} ({done}{size(one.size)})"
    for path, reason in queue.problems:
        yield f"  {printable(path)}: {printable(reason)}"
    if queue.skipped:
        counted = [f"{count} {REASONS.get(reason, printable(reason))}" for reason, count in queue.skipped.items()]
        yield f"skipped: {', '.join(counted)}"
    for path in queue.unknown[:5]:
        yield f"  not uploaded: {printable(path)}"


def _failed(current: Overview) -> Iterator[str]:
    if current.memory.failures:
        yield f"failed: {many(current.memory.failures, 'file')}, retried in each run"
    for one in current.memory.failed:
        times = f"{one.times} times, last " if one.times > 1 else ""
        yield f"  {printable(one.path)}: {printable(one.reason)} ({times}{_moment(one.at, current.now)})"


def _uploads(current: Overview) -> Iterator[str]:
    memory, rates = current.memory, current.rates
    last = f", the last one {_moment(memory.last, current.now)}" if memory.last else ""
    yield f"uploaded: {many(memory.files, 'file')} ({size(memory.bytes)}){last}"
    for total in memory.totals:
        kind = total.recording or "unknown"
        yield f"  {printable(total.bucket)}: {total.files} {printable(kind)} ({size(total.bytes)})"
    if rates.last_at is not None:
        speed = size(rates.last_bytes / max(rates.last_seconds, 0.001))
        yield f"rate: {speed}/s in the last run that uploaded something, {size(rates.day_bytes)} in the last day"


def _card(card: Card, now: float) -> Iterator[str]:
    path = printable(card.path)
    if not card.there:
        yield f"{path}: does not exist"
        return
    free = f"{size(card.free_bytes or 0)} of {size(card.total_bytes or 0)} free"
    yield f"{path}: {free}, {many(card.waiting_files, 'file')} ({size(card.waiting_bytes)}) to upload"
    yield f"  forecast: {prediction(card.forecast, now)}" if card.forecast else f"  no forecast: {card.no_forecast}"


def _moment(at: float, now: float) -> str:
    """A time and its distance from now; a camera's clock may be wrong by years."""
    try:
        clock = datetime.fromtimestamp(at).isoformat(" ", "minutes")
    except (ValueError, OverflowError, OSError):
        return "at an impossible time"
    return f"{clock} ({duration(now - at)} ago)" if at <= now else f"{clock} (in {duration(at - now)})"
