"""What every command prints with: text that cannot control a terminal, and numbers as people read them."""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from typing import Any

import click


def printable(text: str) -> str:
    """Text that cannot control a terminal: parts of it are AWS's answers and other people's names."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(document: Any) -> None:
    """One JSON document on stdout, in ASCII."""
    click.echo(json.dumps(document, indent=2))


def tolerate_locale() -> None:
    """Escape characters that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def usd(amount: float) -> str:
    """An amount with as many digits as it takes to see it: `$12.40`, `$0.0067`, `<$0.0001`."""
    if 0 < amount < 0.00005:
        return "<$0.0001"
    return f"${amount:,.2f}" if abs(amount) >= 1 or amount == 0 else f"${amount:.4f}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2 files`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def size(count: float) -> str:
    """A number of bytes in decimal units, as AWS bills them: `1.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def clock(seconds: float) -> str:
    """A position in a recording: `1:02:07`, `0:12`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
