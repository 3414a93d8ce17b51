"""Spans of time as people type them: `24h` for a link, `12s-40s` for a part of a recording. For click's `type`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import click

UNITS: Final = {"m": 60, "h": 3600, "d": 86400}
_CLOCK: Final = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)s?")


def duration(most_days: int) -> Callable[[str], int]:
    """Reads `30m`, `8h` or `7d`, at most so many days, as seconds."""

    def parse(text: str) -> int:
        match = re.fullmatch(r"(\d{1,6})([mhd])", text)
        seconds = int(match[1]) * UNITS[match[2]] if match else 0
        if not 0 < seconds <= most_days * UNITS["d"]:
            raise click.BadParameter(f"{text!r} is not a length of time from 1m to {most_days}d: write 30m, 8h or 2d")
        return seconds

    parse.__name__ = "duration"  # shown in the help
    return parse


def part(text: str) -> tuple[float, float]:
    """Reads `12s-40s` or `1:02-1:40` as first and last second."""
    matches = [_CLOCK.fullmatch(side.strip()) for side in text.split("-")]
    seconds = [_seconds(match) for match in matches if match]
    if len(matches) != 2 or len(seconds) != 2 or seconds[0] >= seconds[1]:
        raise click.BadParameter(f"{text!r} is not a part: write 12s-40s or 1:02-1:40")
    return seconds[0], seconds[1]


def _seconds(match: re.Match[str]) -> float:
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)
