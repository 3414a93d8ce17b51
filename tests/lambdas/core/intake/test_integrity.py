"""Whole or not, media or not: by magic numbers, box walks and checksums, in few small reads."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from datetime import UTC, datetime
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.support import made_media as made

from impp_lambdas.core.intake import containers, facts, integrity
from impp_lambdas.core.intake.containers import Read

FAST = made.movie(made.scenes(2, 1), sound=made.hum(2), options={"movflags": "faststart"})
SLOW = made.movie(made.scenes(2, 1), sound=made.hum(2))
FRAGMENTED = made.movie(made.scenes(2, 1), options={"movflags": "frag_keyframe+empty_moov"})


def reader(data: bytes) -> tuple[Read, list[int]]:
    """A ranged reader over bytes, and the lengths that it was asked for."""
    asked: list[int] = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return data[start : start + length]

    return read, asked


def box(kind: bytes, payload: bytes, *, large: bool = False, size: int | None = None) -> bytes:
    if large:
        return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload
    return struct.pack(">I4s", 8 + len(payload) if size is None else size, kind) + payload


def mvhd(created: int) -> bytes:
    return box(b"moov", box(b"mvhd", struct.pack(">BxxxII", 0, created, created) + bytes(88)))


FTYP, MOOV, MDAT = box(b"ftyp", b"isom" + bytes(8)), mvhd(0), box(b"mdat", bytes(50))

WALKS = [
    ("moov first", FTYP + MOOV + MDAT, None),
    ("moov last", FTYP + MDAT + MOOV, None),
    ("64-bit mdat", FTYP + box(b"mdat", bytes(50), large=True) + MOOV, None),
    ("mdat to the end", FTYP + MOOV + box(b"mdat", bytes(50), size=0), None),
    ("zero padding after the movie", FTYP + MDAT + MOOV + bytes(1000), None),
    ("junk after the movie", FTYP + MDAT + MOOV + b"\xde\xad\xbe\xef\x01\x02\x03\x04junk", None),
    ("no moov", FTYP + MDAT, "no moov box"),
    ("no mdat", FTYP + MOOV, "no mdat box"),
    ("mdat to the end, no moov", FTYP + box(b"mdat", bytes(50), size=0), "no moov box"),
    ("cut mdat", FTYP + MOOV + MDAT[:30], "the mdat box needs 194 bytes, the file has 166"),
    ("a box of no size", FTYP + box(b"free", bytes(8), size=4) + MOOV + MDAT, "a broken box at byte 20"),
    ("fragments", FTYP + MOOV + box(b"moof", bytes(20)) + MDAT[:20], None),
    ("fragments without a head", FTYP + box(b"moof", bytes(20)) + MDAT, "fragments without a moov box"),
]


@pytest.mark.parametrize(("data", "damage"), [w[1:] for w in WALKS], ids=[w[0] for w in WALKS])
def test_boxes_tell_what_is_missing(data: bytes, damage: str | None) -> None:
    assert containers.walk_mp4(reader(data)[0], len(data)).damage == damage


@pytest.mark.parametrize("data", [FAST, SLOW, FRAGMENTED], ids=["fast start", "moov last", "fragmented"])
def test_real_movies_are_whole_by_few_bytes(data: bytes) -> None:
    read, asked = reader(data)
    found = integrity.examine(read, len(data))
    assert (found.container, found.problem) == ("mp4", None)
    assert len(asked) <= 8
    assert sum(asked) <= containers.HEAD_BYTES + 200


@given(st.integers(1, len(FAST) - 1))
def test_a_fast_start_movie_cut_anywhere_is_not_whole(length: int) -> None:
    found = integrity.examine(reader(FAST[:length])[0], length)
    assert found.problem
    assert found.problem.reason in ("truncated", "not_media")


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    found = integrity.examine(reader(data)[0], len(data))
    assert found.problem is None or found.problem.reason in integrity.REASONS
    if found.container:
        containers.image_size(data)


@pytest.mark.parametrize("movie", [FAST, SLOW, FRAGMENTED], ids=["fast start", "moov last", "fragmented"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_container_knows_which_side_is_up(movie: bytes, degrees: int) -> None:
    read, asked = reader(made.rotated(movie, degrees))
    assert containers.mp4_rotation(read, len(movie)) == degrees
    assert containers.mp4_rotation(reader(movie)[0], len(movie)) == 0
    assert len(asked) <= 12 and sum(asked) <= 300


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_break_the_rotation(data: bytes, inside: bool) -> None:
    data = box(b"moov", box(b"trak", data)) if inside else data
    assert 0 <= containers.mp4_rotation(reader(data)[0], len(data)) < 360


def test_the_container_knows_when_it_was_made() -> None:
    seconds = int((datetime(2026, 11, 20, 8, 15, tzinfo=UTC) - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())
    data = FTYP + MDAT + mvhd(seconds)
    assert integrity.examine(reader(data)[0], len(data)).created == datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
    for untold in (FTYP + MDAT + MOOV, FTYP + MDAT + box(b"moov", box(b"mvhd", b"")), FTYP + MDAT + box(b"moov", b"")):
        assert integrity.examine(reader(untold)[0], len(untold)).created is None


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
        (made.movie(made.scenes(1, 1), container="matroska"), "matroska"),
        (made.movie(made.scenes(1, 1), container="avi"), "avi"),
        (made.movie(made.scenes(1, 1), container="mpegts"), "mpegts"),
        (made.movie(made.scenes(1, 1), container="mov"), "mp4"),
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
def test_formats_are_known_by_their_first_bytes(data: bytes, container: str | None) -> None:
    assert containers.sniff(data[: containers.HEAD_BYTES]) == container


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_pictures_tell_their_size(kind: str) -> None:
    assert containers.image_size(picture(kind)) == (70, 51)


def test_an_avi_cut_short_is_truncated() -> None:
    data = made.movie(made.scenes(1, 1), container="avi")
    cut = data[: len(data) // 2]
    found = integrity.examine(reader(cut)[0], len(cut))
    assert found.problem
    assert found.problem.reason == "truncated"


SHA = hashlib.sha256(b"x")


@pytest.mark.parametrize(
    ("head", "own", "mismatch"),
    [
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {"crc64nvme": "AAAAAAAAAAA="}, False),
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {"crc64nvme": "BAAAAAAAAAA="}, True),
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {}, False),
        ({}, {"crc64nvme": "BAAAAAAAAAA="}, False),
        ({"ChecksumSHA256": base64.b64encode(SHA.digest()).decode()}, {"sha256": SHA.hexdigest().upper()}, False),
        ({"ChecksumSHA256": base64.b64encode(SHA.digest()).decode()}, {"sha256": "0" * 64}, True),
        ({"ChecksumSHA256": "abc=-2", "ChecksumType": "COMPOSITE"}, {"sha256": SHA.hexdigest()}, False),
    ],
)
def test_checksums_are_compared_where_both_sides_have_one(
    head: dict[str, Any], own: dict[str, str], mismatch: bool
) -> None:
    problem = integrity.compare_checksums(head, own)
    assert (problem is not None and problem.reason == "checksum_mismatch") is mismatch


def track(**changes: Any) -> dict[str, Any]:
    return {"TrackType": "video", "Codec": "HEVC", "VideoProperties": {"Width": 1920, "Height": 1080} | changes}


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ({}, (1920, 1080, 0)),
        ({"Rotation": 90}, (1080, 1920, 90)),
        ({"Rotation": -90}, (1080, 1920, 270)),
        ({"Rotation": 180}, (1920, 1080, 180)),
        ({"Rotation": 45}, (1920, 1080, 0)),
        ({"CodecMetadata": {"Rotation": 270}}, (1080, 1920, 270)),
        ({"Width": 1440, "SampleAspectRatio": {"Numerator": 4, "Denominator": 3}}, (1920, 1080, 0)),
    ],
)
def test_the_size_is_the_one_that_is_seen(properties: dict[str, Any], shown: tuple[int, int, int]) -> None:
    found = facts.from_probe({"Container": {"Format": "mp4", "Duration": 2.0, "Tracks": [track(**properties)]}})
    assert found
    assert (found.width, found.height, found.rotation) == shown
    assert (found.kind, found.video_codec, found.has_audio) == ("video", "hevc", False)


def test_no_track_is_no_stream() -> None:
    data = {"TrackType": "data", "Codec": "UNKNOWN"}
    assert facts.from_probe({"Container": {"Format": "mp4", "Tracks": [data]}}) is None
    assert facts.from_probe({}) is None
