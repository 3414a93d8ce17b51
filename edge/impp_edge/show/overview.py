"""The overview that ``impp-edge status`` shows, and what the doctor reports about the cards.

Everything is read from a copy of the memory, the folders and the custody log, so it works beside a run that holds the
lock, and without a network.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impp_edge import hours
from impp_edge.card.age import recorded_at
from impp_edge.card.discovery import Discovery
from impp_edge.card.find import CardFile
from impp_edge.card.forecast import DAY_S, Clip, Forecast, Unknown, forecast
from impp_edge.card.space import space
from impp_edge.card.work_queue import WorkQueue
from impp_edge.config import Config, Folder
from impp_edge.events import duration, shown, size
from impp_edge.memory import custody
from impp_edge.memory.database import FILE
from impp_edge.memory.snapshot import snapshot
from impp_edge.memory.state import LAST_RUN, State, Status
from impp_footage import cameras

LOOP = ("routine", "parking")
"""Recordings of a dash cam that it overwrites when the card is full."""
NO_MEDIA = ("no media", "no known camera")
"""The reason for skipping a file of no known camera, which its owner may want to know."""
NAMED = 20
"""The number of files that are named one by one."""
RATE_DAYS = 14.0
_STEP_S = 300.0
_WEEK_S = 7 * DAY_S


@dataclass(frozen=True)
class Card:
    """A configured folder: what waits there, and the space of its file system (None: it is not there)."""

    path: str
    there: bool
    waiting_files: int = 0
    waiting_bytes: int = 0
    free_bytes: int | None = None
    total_bytes: int | None = None
    forecast: Forecast | None = None
    no_forecast: str | None = None


@dataclass(frozen=True)
class UnderWay:
    """An upload that was begun; ``sent_bytes`` None where S3 was not asked how much of it there is."""

    path: str
    key: str
    size: int
    upload: str | None
    sent_bytes: int | None = None


@dataclass(frozen=True)
class Queue:
    """What a look at the folders found. ``oldest`` in seconds since 1970; ``problems`` as (path, reason)."""

    files: int
    bytes: int
    oldest: float | None
    restless: int
    skipped: dict[str, int]
    unknown: list[str]
    problems: list[tuple[str, str]]


@dataclass(frozen=True)
class Rates:
    """Bytes that were sent, and in how many seconds of work; times in seconds since 1970."""

    last_at: float | None = None
    last_bytes: int = 0
    last_seconds: float = 0.0
    day_bytes: int = 0
    day_seconds: float = 0.0


@dataclass(frozen=True)
class Overview:
    """Everything. ``running`` is the process that holds the lock; ``last_run`` the summary it told, with ``at``."""

    now: float
    bucket: str | None
    state: str
    running: int | None
    last_run: dict[str, Any] | None
    memory: Status
    rates: Rates
    under_way: list[UnderWay]
    custody: custody.Check
    queue: Queue | None = None
    cards: list[Card] = field(default_factory=list)
    hours: Sequence[str] = ()
    open: bool = True
    changes_at: float | None = None


def overview(folder: Path, config: Config | None, scan: bool, now: float | None = None) -> Overview:
    """How things stand with the memory in ``folder`` and, where there is a ``config``, with its folders; without
    ``scan`` these are not looked through. Raises :class:`StateError`."""
    now = time.time() if now is None else now
    if (folder / FILE).exists():
        State(folder, write=False).close()  # where it cannot be read, a copy would only be empty
    with snapshot(folder) as state:
        waiting, queue = _queue(config, state) if config and scan else ([], None)
        open_hours = hours.parse(*config.hours) if config else hours.Hours()
        return Overview(
            now=now,
            bucket=config.bucket if config else None,
            state=shown(folder),
            running=running(folder),
            last_run=_last_run(state),
            memory=state.status(),
            rates=_rates(state, now),
            under_way=[UnderWay(shown(one.raw), one.key, one.size, one.upload) for _, one in state.begun(Path("/"))],
            custody=custody.check(folder, state.get(custody.KEPT)),
            queue=queue,
            cards=cards(config, state, waiting, now) if config and scan else [],
            hours=config.hours if config else (),
            open=open_hours.is_open(now),
            changes_at=open_hours.next_change(now) if open_hours.windows else None,
        )


def running(folder: Path) -> int | None:
    """The process that holds the lock of a state folder, 0 if it does not say who it is, None if nobody does."""
    try:
        handle = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = os.pread(handle, 20, 0).strip()
        pid = int(holder) if holder.isdigit() else 0
        if pid and not _alive(pid):  # so that we never hold the lock ourselves when a run could want it
            return None
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return pid
    finally:
        os.close(handle)
    return None


def cards(config: Config, state: State, waiting: Sequence[CardFile], now: float) -> list[Card]:
    """The folders, each with its forecast."""
    return [
        _card(folder, config, state, [card_file for card_file in waiting if card_file.folder is folder], now)
        for folder in config.folders
    ]


def upload_rate(state: State, config: Config, now: float) -> float | None:
    """Bytes per second that the last two weeks' runs sent while they were sending, within the limit and as much of the
    week as the hours allow; None where nothing was sent."""
    samples = [sample for sample in state.samples() if sample.at >= now - RATE_DAYS * DAY_S and sample.seconds > 0]
    if not samples:
        return None
    rate = sum(sample.bytes for sample in samples) / sum(sample.seconds for sample in samples)
    limit = config.limit_mbit * 1e6 / 8 if config.limit_mbit else rate
    return min(rate, limit) * _share(hours.parse(*config.hours), now)


def many(count: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def prediction(outlook: Forecast, now: float) -> str:
    """Format a forecast with its assumptions."""
    writes = f"the camera writes {size(outlook.written_per_s * 86_400)} per day"
    if outlook.overwritten_at is None:
        return f"safe: nothing waits; {writes}"
    recording = f", after {duration(outlook.recording_s)} of recording" if outlook.recording_s is not None else ""
    reach = f"the camera reaches the oldest waiting clip {_about(outlook.overwritten_at, now)}{recording}"
    if outlook.sent_per_s is None:
        loss = _about(outlook.overwritten_at, now)
        return f"footage will be lost {loss} unless it is uploaded ({writes}; no upload yet)"
    rates = f"{writes}, uploads run at {size(outlook.sent_per_s)}/s while the card is connected"
    if outlook.lost_at is not None:
        more = "unless uploads become faster, the card larger or the camera's bit rate lower"
        return f"footage will be lost {_about(outlook.lost_at, now)} {more} ({rates})"
    caught = f"all is uploaded {_about(outlook.caught_up_at, now)}" if outlook.caught_up_at else "the backlog stays"
    return f"{outlook.verdict}: {caught}; {reach} if nothing is uploaded ({rates})"


def _about(at: float, now: float) -> str:
    return "now" if at <= now else f"in about {duration(at - now)}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _queue(config: Config, state: State) -> tuple[list[CardFile], Queue]:
    work_queue, problems = WorkQueue(), list[tuple[str, str]]()
    unknown: list[str] = []

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "skipped" and event["reason"] in NO_MEDIA:
            unknown.append(event["path"])

    def problem(path: str, reason: str) -> None:
        problems.append((shown(path), reason))

    unknown += [shown(path) for path, reason in state.skips(config.bucket) if reason in NO_MEDIA]
    discovery = Discovery(config, state, work_queue, report, problem, lambda _file: False, threading.Event().is_set)
    seen = discovery.run(patient=True)
    waiting = work_queue.waiting()
    queue = Queue(
        len(waiting), sum(f.size for f in waiting), min((f.mtime for f in waiting), default=None),
        seen.restless, dict(sorted(seen.skipped.items())), unknown[:NAMED], problems[:NAMED],
    )  # fmt: skip
    return waiting, queue


def _card(folder: Folder, config: Config, state: State, waiting: list[CardFile], now: float) -> Card:
    try:
        room = space(folder.path)
    except OSError:
        return Card(shown(folder.path), False, no_forecast="the folder does not exist")
    clips = list(_clips(folder, config.bucket, state, waiting))
    result: Forecast | Unknown = Unknown("not a dash cam's clips: no camera overwrites them")
    if any(clip.loop for clip in clips):
        result = forecast(clips, room.free, upload_rate(state, config, now), now)
    return Card(
        shown(folder.path), True, len(waiting), sum(card_file.size for card_file in waiting), room.free, room.total,
        result if isinstance(result, Forecast) else None, result.why if isinstance(result, Unknown) else None,
    )  # fmt: skip


def _clips(folder: Folder, bucket: str, state: State, waiting: list[CardFile]) -> Iterator[Clip]:
    """What the camera wrote: what was uploaded, now gone from the card or not, and what waits."""
    for entry in state.entries(bucket, folder.path, gone=True):
        loop = entry.about.source == "dashcam" and entry.about.recording in LOOP
        there = entry.gone is None and os.path.lexists(entry.raw)
        yield Clip(recorded_at(entry), entry.size, waits=False, on_card=there, loop=loop)
    for card_file in waiting:
        yield Clip(card_file.mtime, card_file.size, waits=True, loop=_in_loop(card_file))


def _in_loop(card_file: CardFile) -> bool:
    folders = [*card_file.folder.path.parts[-2:], *card_file.relative.parts[:-1]]
    known = cameras.recognise(folders, card_file.relative.name)
    source = card_file.folder.source or (known.source if known else None)
    recording = (known.recording if known else cameras.recording_by_folder(folders)) or "routine"
    return source == "dashcam" and recording in LOOP


def _share(windows: hours.Hours, now: float) -> float:
    """The share of a week in which the hours are open."""
    if not windows.windows:
        return 1.0
    steps = int(_WEEK_S / _STEP_S)
    return sum(windows.is_open(now + i * _STEP_S) for i in range(steps)) / steps


def _rates(state: State, now: float) -> Rates:
    samples = state.samples()
    if not samples:
        return Rates()
    last, today = samples[0], [sample for sample in samples if sample.at >= now - DAY_S]
    return Rates(
        last.at, last.bytes, last.seconds, sum(sample.bytes for sample in today), sum(s.seconds for s in today)
    )


def _last_run(state: State) -> dict[str, Any] | None:
    with suppress(ValueError):
        run = json.loads(state.get(LAST_RUN) or "null")
        return run if isinstance(run, dict) else None
    return None
