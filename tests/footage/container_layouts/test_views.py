"""Views of a file read as the file would without what they leave out."""

from __future__ import annotations

import io

from impp_footage.container_layouts.views import Overlaid, Spliced

FILE = bytes(range(100))


def test_patches_replace_bytes_wherever_a_read_begins() -> None:
    view = Overlaid(io.BytesIO(FILE), {10: b"abcd"})
    assert view.read() == FILE[:10] + b"abcd" + FILE[14:]
    for start in range(8, 16):
        view.seek(start)
        assert view.read(3) == (FILE[:10] + b"abcd" + FILE[14:])[start : start + 3]


def test_parts_follow_each_other() -> None:
    view = Spliced(io.BytesIO(FILE), [(0, 10), (50, 60), (90, 90)], {5: b"xy"})
    expected = FILE[:5] + b"xy" + FILE[7:10] + FILE[50:60]
    assert view.read() == expected
    assert view.seek(0, io.SEEK_END) == len(expected)
    assert view.read() == b""
    assert view.seek(-12, io.SEEK_CUR) == 8
    assert io.BufferedReader(view).read(4) == expected[8:12]
