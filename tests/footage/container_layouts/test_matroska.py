"""Clusters are found by their mark and state their time."""

from __future__ import annotations

import io

import pytest

from impp_footage.container_layouts import layout_of
from impp_footage.container_layouts.layout import Point

EBML, SEGMENT, INFO, SEEK_HEAD, CUES = "1a45dfa3", "18538067", "1549a966", "114d9b74", "1c53bb6b"
CLUSTER, TIMESTAMP, BLOCK, VOID, CRC = "1f43b675", "e7", "a3", "ec", "bf"
UNKNOWN = b"\x01" + b"\xff" * 7


def element(kind: str, content: bytes) -> bytes:
    return bytes.fromhex(kind) + b"\x01" + len(content).to_bytes(7, "big") + content


def cluster(ms: int, *before: bytes) -> bytes:
    content = b"".join(before) + element(TIMESTAMP, ms.to_bytes(2, "big")) + element(BLOCK, bytes(3000))
    return bytes.fromhex(CLUSTER) + UNKNOWN + content


HEAD = element(EBML, b"") + bytes.fromhex(SEGMENT) + UNKNOWN
MILLISECONDS = element(INFO, bytes.fromhex("2ad7b1 83 0f4240"))
CENTISECONDS = element(INFO, bytes.fromhex("2ad7b1 83 989680"))


@pytest.mark.parametrize(("info", "unit_s"), [(MILLISECONDS, 0.001), (CENTISECONDS, 0.01), (b"", 0.001)])
def test_the_next_cluster_and_its_time(info: bytes, unit_s: float) -> None:
    first, second = cluster(0), cluster(5000, element(CRC, bytes(4)), element(VOID, bytes(9)))
    layout = layout_of(io.BytesIO(HEAD + info + first + second))
    assert layout and layout.head == len(HEAD + info)
    assert layout.after(0) == Point(layout.head, 0.0)
    assert layout.after(layout.head + 1) == Point(layout.head + len(first), pytest.approx(5000 * unit_s))
    assert layout.after(layout.head + len(first) + 1) is None


def test_the_mark_of_a_cluster_in_a_picture_is_none() -> None:
    mark = element(BLOCK, bytes.fromhex(CLUSTER) + b"\x81\x00" + bytes(100))
    layout = layout_of(io.BytesIO(HEAD + cluster(0) + mark + cluster(7000)))
    assert layout and layout.after(layout.head + 1) == Point(len(HEAD + cluster(0) + mark), 7.0)


def test_cues_are_an_index_only_if_they_are_there() -> None:
    place = 5000
    seek_head = element(SEEK_HEAD, bytes.fromhex("53ab84") + bytes.fromhex(CUES + "53ac82") + place.to_bytes(2, "big"))
    clusters = seek_head + cluster(0) + cluster(1000)
    assert place < len(clusters)
    assert layout_of(io.BytesIO(HEAD + clusters)) is None
    assert layout_of(io.BytesIO(HEAD + clusters[: place - 100])) is not None
    assert layout_of(io.BytesIO(HEAD + element(CUES, bytes(9)) + cluster(0))) is None


def test_a_view_has_padding_for_what_it_leaves_out() -> None:
    data = HEAD + cluster(0) + cluster(1000) + cluster(2000)
    layout = layout_of(file := io.BytesIO(data))
    assert layout
    first = layout.after(layout.head + 1)
    stop = layout.after(first.offset + 1) if first else None
    assert first and stop
    view = layout.view(file, first, stop).read()
    assert len(view) == len(data) and view[first.offset : stop.offset] == data[first.offset : stop.offset]
    for start, end in ((layout.head, first.offset), (stop.offset, len(data))):
        assert view[start : start + 9] == b"\xec\x01" + (end - start - 9).to_bytes(7, "big")
