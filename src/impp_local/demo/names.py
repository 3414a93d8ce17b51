"""File names as text: any bytes in a name can be shown, and none of them can move the cursor or break a line."""

from __future__ import annotations

import os
import unicodedata


def shown(path: str | bytes | os.PathLike[str]) -> str:
    """A path as text that JSON can hold; bytes that are not UTF-8 become `\\xff`. The edge script writes it so, too."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """A text on one line: control characters, and those that change the writing direction, become escapes."""
    return "".join(character if _is_printable(character) else _escaped(character) for character in text)


def _is_printable(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()


def width(text: str) -> int:
    """Columns of a terminal that a printable text takes."""
    return sum(map(_columns, text))


def fit(text: str, columns: int) -> str:
    """The text, cut with an ellipsis where it is wider than `columns`."""
    if width(text) <= columns:
        return text
    room, kept = columns - 1, ""
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept + "…" if columns > 0 else ""


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
