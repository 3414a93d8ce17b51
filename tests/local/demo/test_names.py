"""File names as text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impp_edge.events import shown as shown_by_the_edge
from impp_local.demo.names import fit, printable, shown, width

NAMES = [
    b"clip.mp4",
    "büro 映像.mp4".encode(),
    b"caf\xe9.mp4",
    b"\xff\xfe.mp4",
    b"\x1b[31m.mp4",
    b"a\nb.mp4",
    b"\\xe9.mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_edge_writes_a_name_in_the_same_way(name: bytes) -> None:
    path = Path(os.fsdecode(name))
    assert shown(path) == shown_by_the_edge(path)
    shown(path).encode("utf-8")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("büro 映像.mp4", "büro 映像.mp4"),
        ("a\u3000b.mp4", "a\u3000b.mp4"),  # an ideographic space
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("a\u2028b\x85", r"a\u2028b\x85"),
        ("\udcff", r"\udcff"),
    ],
)
def test_no_name_moves_the_cursor(text: str, safe: str) -> None:
    assert printable(text) == safe


def test_a_text_is_cut_to_its_columns() -> None:
    assert fit("clip.mp4", 8) == "clip.mp4"
    assert fit("clip.mp4", 5) == "clip…"
    assert fit("映像映像", 6) == "映像…" and width("映像…") == 5
    assert fit("abc", 0) == ""
