"""Media formats by their first bytes."""

from __future__ import annotations

import io
import marshal

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.support import synthetic_media as synthetic

from impp_footage import formats


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (b"\x00\x00\x00\x18ftypmp42", True), (b"\x00\x00\x00\x08wide", True), (b"\x1aE\xdf\xa3", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", True), (b"RIFF\x00\x00\x00\x00WAVEfmt ", True), (b"\xff\xd8\xff\xe1", True),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", True), (b"\xff\xfb\x90", True),
        (b"", False), (b"plain text", False), (b"PK\x03\x04", False), (b"G" + bytes(400), False), (b"%PDF-1.7", False),
    ],
)  # fmt: skip
def test_recognises_media_by_its_first_bytes(head: bytes, media: bool) -> None:
    assert formats.is_media("unknown", head) is media


def encoded(container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=48_000, layout="stereo")
        frame = av.AudioFrame(format="s16", layout="stereo", samples=48_000)
        frame.sample_rate = 48_000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return buffer.getvalue()


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (70, 51), "red").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "container"),
    [
        (synthetic.movie(synthetic.scenes(1, 1), container="matroska"), "matroska"),
        (synthetic.movie(synthetic.scenes(1, 1), container="avi"), "avi"),
        (synthetic.movie(synthetic.scenes(1, 1), container="mpegts"), "mpegts"),
        (synthetic.movie(synthetic.scenes(1, 1), container="mov"), "mp4"),
        (encoded("mp3", "libmp3lame"), "mp3"),
        (encoded("adts", "aac"), "aac"),
        (encoded("wav", "pcm_s16le"), "wave"),
        (encoded("flac", "flac"), "flac"),
        (encoded("ogg", "libopus"), "ogg"),
        (picture("JPEG"), "jpeg"),
        (picture("PNG"), "png"),
        (picture("GIF"), "gif"),
        (picture("WEBP"), "webp"),
        (b"%PDF-1.7\n" + bytes(300), None),
        (encoded("ac3", "ac3"), "ac3"),
        (encoded("eac3", "eac3"), "ac3"),
        (b"PK\x03\x04" + bytes(300), None),
        (b"The free world, and the rest of it", None),
        (b"BSD free software and more of the kind", None),
        (b"ID3 is a format of tags.", None),
        (b"\x0b\x77" + bytes(range(200, 255)) * 9, None),
        (marshal.dumps(formats.sniff.__code__) + marshal.dumps(formats._MXF_KEY.pattern), None),
        ("Fahrt übers Land".encode("utf-16"), None),
        (bytes(4096), None),
    ],
)
def test_recognises_a_format_by_its_first_bytes(data: bytes, container: str | None) -> None:
    assert formats.sniff(data[: formats.HEAD_BYTES]) == container


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_reads_the_size_of_a_picture(kind: str) -> None:
    assert formats.image_size(picture(kind)) == (70, 51)


HEADS = {
    "flv": b"FLV\x01\x05\x00\x00\x00\x09",
    "mpegvideo": b"\x00\x00\x01\xb3" + bytes(60),
    "aac": b"\xff\xf1\x50\x80",
    "mxf": bytes(300) + bytes.fromhex("060e2b34020501010d0102010102040083000088"),  # behind a run-in
    "dv": b"\x1f\x07\x00\xbf" + bytes(76),
    "amr": b"#!AMR\n",
    "ac3": b"\x0b\x77" + bytes(8),
    "aiff": b"FORM\x00\x00\x01\x00AIFF",
    "caf": b"caff\x00\x01",
    "mp4": b"\x00\x00\x00\x18styp",
}


@pytest.mark.parametrize("container", HEADS)
def test_the_edge_and_the_pipeline_accept_the_same_formats(container: str) -> None:
    assert formats.sniff(HEADS[container]) == container
    assert formats.is_media("unknown", HEADS[container])
    row = next(row for row in formats.FORMATS if row.name == container)
    assert set(row.demuxer.split(",")) <= av.formats_available
    assert all(formats.of_name(f"A.{extension.upper()}") == container for extension in row.extensions.split())


def test_a_text_is_no_format() -> None:
    assert formats.sniff("a text in UTF-16".encode("utf-16")) is None
    assert formats.of_name("README") is formats.of_name("notes.txt") is formats.of_name("mp4") is None


@pytest.mark.parametrize(("length", "first"), [(188, 0), (192, 4), (204, 0)])
@pytest.mark.parametrize("cut", [0, 1, 100, 187])
def test_a_transport_stream_may_begin_in_the_middle_of_a_packet(length: int, first: int, cut: int) -> None:
    packets = (bytes(first) + b"G" + bytes(length - first - 1)) * 20
    assert formats.sniff(packets[cut:][: formats.HEAD_BYTES]) == "mpegts"


@given(st.binary(max_size=400))
def test_any_bytes_have_a_size_or_none(head: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"):
        assert formats.image_size(start + head) is None or formats.sniff(start + head) is not None
