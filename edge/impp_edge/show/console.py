"""Events on standard output: a progress line that moves on a terminal and a summary, or one JSON object per line."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable

import click

from impp_edge.events import Event, duration, printable, size

RATE_OVER_S = 15.0
"""Seconds over which the rate of the progress line is averaged."""


def json_lines(event: Event) -> None:
    """Print an event as one line of JSON, except for progress."""
    if event["event"] != "progress":
        click.echo(json.dumps(event, ensure_ascii=False))


class Human:
    """Progress on one line of a terminal, problems as they come, one summary line. ``quiet``: problems only."""

    def __init__(self, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        kind = event["event"]
        if kind == "progress":
            if self._live:
                self._progress(event)
            return
        text = _TEXTS[kind](event) if kind in _TEXTS else None
        if kind == "summary":
            trouble = bool(event["failed"] or event["stopped"])
            text = _summary(event) if trouble or not self._quiet else None
            self.say(text, err=trouble and self._quiet)
        elif text and (not self._quiet or kind in _TROUBLE):
            self.say(text, err=not kind.startswith("would "))

    def say(self, text: str | None, err: bool = False) -> None:
        """Replace the progress line by one that stays."""
        if self._live:
            click.echo("\r\x1b[K", nl=False, err=True)
        if text:
            click.echo(text, err=err)

    def _progress(self, event: Event) -> None:
        now = self._clock()
        self._seen.append((now, event["bytes"]))
        while len(self._seen) > 2 and now - self._seen[0][0] > RATE_OVER_S:
            self._seen.popleft()
        line = progress(event, rate(self._seen))
        click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", nl=False, err=True)


def rate(seen: deque[tuple[float, int]]) -> float:
    """Bytes per second from pairs of (seconds, bytes so far); 0 with too few pairs."""
    if len(seen) < 2 or seen[-1][0] <= seen[0][0]:
        return 0.0
    return max(0.0, (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0]))


def progress(event: Event, bytes_per_s: float) -> str:
    """``[#######.......] 3 of 12 files, 1.2 GB of 4.0 GB, 11.3 MB/s, 4 min left``."""
    share = event["bytes"] / event["of_bytes"] if event["of_bytes"] else 1.0
    filled = round(BAR * min(share, 1.0))
    left = (event["of_bytes"] - event["bytes"]) / bytes_per_s if bytes_per_s else None
    parts = [
        f"{event['files']} of {event['of_files']} files",
        f"{size(event['bytes'])} of {size(event['of_bytes'])}",
        f"{size(bytes_per_s)}/s",
        f"{duration(left)} left" if left is not None else "",
    ]
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {', '.join(part for part in parts if part)}"


BAR = 14


def _failed(event: Event) -> str:
    return f"failed: {printable(event['path'])}: {printable(event['reason'])}"


def _renamed(event: Event) -> str | None:
    if not event.get("renamed"):
        return None
    return (
        f"another file has this name in the bucket: {printable(event['path'])} is uploaded as {printable(event['key'])}"
    )


def _sized(event: Event) -> str:
    return f"{printable(event['path'])} ({size(event['size'])})"


def _reason(event: Event) -> str:
    return printable(event["reason"])


_TEXTS: dict[str, Callable[[Event], str | None]] = {
    "failed": _failed, "brought": _renamed, "there": _renamed, "waiting": _reason, "note": _reason,
    "removed": lambda event: f"removed: {printable(event['path'])}",
    "would bring": lambda event: f"would upload {_sized(event)} to {printable(event['key'])}",
    "would remove": lambda event: f"would remove {_sized(event)}: {printable(event['reason'])}",
}  # fmt: skip
_TROUBLE = frozenset({"failed", "brought", "there", "note"})
"""Events that are printed even with ``--quiet``."""


def _summary(summary: Event) -> str:
    parts = [f"{summary['brought']} uploaded ({size(summary['bytes'])})"]
    for kind, words in (("there", "already in the bucket"), ("known", "known"), ("restless", "still being written"),
                        ("waiting", "waiting"), ("removed", "removed from the card")):  # fmt: skip
        if summary.get(kind):
            parts.append(f"{summary[kind]} {words}")
    if summary["skipped"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(summary["skipped_because"].items()))
        parts.append(f"{summary['skipped']} skipped ({reasons})")
    if summary["failed"]:
        parts.append(f"{summary['failed']} failed")
    line = ", ".join(parts) + f" in {summary['seconds']:.1f} s"
    return f"{line}; stopped: {summary['stopped']}" if summary["stopped"] else line
