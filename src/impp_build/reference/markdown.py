"""Markdown as the reference pages use it: tables, and text that is safe in their cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Final

WIDTH: Final = 100


def cell(text: str) -> str:
    """Text for a table's cell: on one line, and without a bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells are made safe here."""
    lines = [header, ["---"] * len(header), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(text: str) -> str:
    """Text wrapped like the hand-written pages."""
    return fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def page(title: str, generated_from: str, parts: Iterable[str]) -> str:
    """A whole page: title, how it came to be, then its parts, a blank line between any two."""
    note = f"<!-- Generated from {generated_from} by `make reference`: edit that, not this page. -->"
    return "\n\n".join((f"# {title}", note, *parts)) + "\n"
