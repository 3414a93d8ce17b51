"""Media formats by their first bytes."""

from __future__ import annotations

import io

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
        (b"PK\x03\x04" + bytes(300), None),
        ("Fahrt übers Land".encode("utf-16"), None),
        (bytes(4096), None),
    ],
)
def test_recognises_a_format_by_its_first_bytes(data: bytes, container: str | None) -> None:
    assert formats.sniff(data[: formats.HEAD_BYTES]) == container


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_reads_the_size_of_a_picture(kind: str) -> None:
    assert formats.image_size(picture(kind)) == (70, 51)


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"FLV\x01\x05\x00\x00\x00\x09", "flv"),
        (b"\x00\x00\x01\xb3" + bytes(60), "mpegvideo"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"\x06\x0e\x2b\x34" + bytes(12), "mxf"),
        ("a text in UTF-16".encode("utf-16"), None),
    ],
)
def test_the_edge_and_the_pipeline_accept_the_same_formats(head: bytes, container: str | None) -> None:
    assert formats.sniff(head) == container
    assert formats.is_media("unknown", head) is (container is not None)


@given(st.binary(max_size=400))
def test_any_bytes_have_a_size_or_none(head: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"):
        assert formats.image_size(start + head) is None or formats.sniff(start + head) is not None
