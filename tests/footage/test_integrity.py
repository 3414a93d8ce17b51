"""Complete or truncated: files of cameras are judged by their boxes, in few reads, as in the pipeline."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import synthetic_media as synthetic
from tests.support.boxed_files import BOXED, FAST, FRAGMENT, FRAGMENTED, HEIF, JPEG, QUICKTIME, SLOW, mutated
from tests.support.camera_files import FTYP, MDAT, MOOV, Counted, box, movie, mvhd, picture
from tests.support.examples import examples

from impp_footage import boxes, reader
from impp_footage.integrity import TAIL, integrity
from impp_footage.movies import COMPLETE, UNKNOWN, Integrity, cut
from impp_lambdas.core.intake import integrity as cloud

LARGE = box(b"mdat", bytes(50), large=True)


def integrity_of(data: bytes, name: str = "clip.mp4") -> Integrity:
    return integrity(reader.of_file(io.BytesIO(data)), name)


WALKS = {
    "moov first": (FTYP + MOOV + MDAT, COMPLETE),
    "moov last": (FTYP + MDAT + MOOV, COMPLETE),
    "64-bit mdat": (FTYP + LARGE + MOOV, COMPLETE),
    "mdat to the end": (FTYP + MOOV + box(b"mdat", bytes(50), size=0), COMPLETE),
    "QuickTime without ftyp": (box(b"wide") + MDAT + MOOV, COMPLETE),
    "zero padding behind": (FTYP + MDAT + MOOV + bytes(1000), COMPLETE),
    "junk behind": (FTYP + MDAT + MOOV + b"\xde\xad\xbe\xef\x01\x02\x03\x04junk", COMPLETE),
    "a trailer cut short behind": (FTYP + MDAT + MOOV + box(b"free", bytes(90))[:40], COMPLETE),
    "fragments": (FTYP + MOOV + FRAGMENT * 3, COMPLETE),
    "no moov": (FTYP + MDAT, cut("no moov box")),
    "no mdat": (FTYP + MOOV, cut("no mdat box")),
    "neither": (FTYP, cut("no moov and no mdat box")),
    "mdat to the end, no moov": (FTYP + box(b"mdat", bytes(50), size=0), cut("no moov box")),
    "moov first, cut mdat": (FTYP + MOOV + MDAT[:30], cut("the mdat box needs 186 bytes, the file has 158")),
    "cut 64-bit mdat": (FTYP + LARGE[:40], cut("the mdat box needs 86 bytes, the file has 60")),
    "cut moov": (FTYP + MDAT + MOOV[:-1], cut("the moov box needs 186 bytes, the file has 185")),
    "cut in a header": (FTYP + MDAT + MOOV[:6], cut("no moov box")),
    "a box of no size": (FTYP + box(b"free", bytes(8), size=4) + MOOV + MDAT, cut("a broken box at byte 20")),
    "a name not to print": (FTYP + box(b"\x1b[J ", size=500), cut("the ?[J? box needs 520 bytes, the file has 28")),
    "fragments without a head": (FTYP + FRAGMENT, cut("fragments without a moov box")),
    "space that was only reserved": (bytes(100_000), cut("it begins with zero bytes")),
    "nothing": (b"", cut("the file has 0 bytes")),
    "no movie": (b"hello, this is text", UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("case", WALKS)
def test_missing_and_truncated_boxes_are_named(case: str) -> None:
    data, expected = WALKS[case]
    assert integrity_of(data) == expected


def is_quarantined(data: bytes) -> bool:
    """Whether the pipeline would quarantine it."""
    return cloud.examine(reader.of_file(io.BytesIO(data))).problem is not None


@pytest.mark.parametrize("case", [case for case in WALKS if case not in ("no movie",)])
def test_the_pipeline_agrees_on_every_case(case: str) -> None:
    data, _ = WALKS[case]
    assert integrity_of(data).is_cut == is_quarantined(data)


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from([FAST, SLOW, QUICKTIME]).flatmap(lambda d: st.tuples(st.just(d), st.integers(0, len(d)))))
def test_a_movie_truncated_anywhere_is_detected_by_edge_and_pipeline(case: tuple[bytes, int]) -> None:
    movie_, length = case
    data = movie_[:length]
    assert integrity_of(data).is_cut == is_quarantined(data) == (length < len(movie_))


def test_a_truncated_last_fragment_is_marked_but_not_quarantined() -> None:
    """The edge waits for the end and marks the file; the pipeline decodes the rest."""
    data = FTYP + MOOV + FRAGMENT + FRAGMENT[:50]
    assert integrity_of(data) == cut(f"the mdat box needs {len(data) + 36} bytes, the file has {len(data)}")
    assert not is_quarantined(data)


@pytest.mark.parametrize("container", ["mp4", "mov", "3gp", "ipod", "avi", "faststart", "fragmented"])
def test_real_files_are_complete_with_few_reads(container: str) -> None:
    ready = {"faststart": FAST, "fragmented": FRAGMENTED}
    data = ready.get(container) or synthetic.movie(synthetic.scenes(1, 1), container=container)
    file = Counted(data)
    assert integrity(reader.of_file(file), "x.mp4") == COMPLETE
    assert file.reads <= 25 and file.bytes_read <= 5000


def test_heif_pictures_need_their_meta_box() -> None:
    assert integrity_of(HEIF, "IMG_0001.HEIC") == COMPLETE
    for length in (*range(12, len(HEIF), 97), len(HEIF) - 1):
        assert integrity_of(HEIF[:length], "IMG_0001.HEIC").is_cut, length
    assert integrity_of(HEIF + bytes(64), "IMG_0001.HEIC") == COMPLETE


def test_the_length_of_an_avi_is_checked() -> None:
    avi = synthetic.movie(synthetic.scenes(1, 1), container="avi")
    assert integrity_of(avi, "PARK.AVI") == COMPLETE
    assert integrity_of(avi[:-100], "PARK.AVI").is_cut and is_quarantined(avi[:-100])
    open_ended = avi[:4] + bytes(4) + avi[8:]
    assert integrity_of(open_ended, "PARK.AVI") == UNKNOWN and not is_quarantined(open_ended)


def test_a_jpeg_needs_its_end_marker() -> None:
    big = picture(size=700)
    assert len(big) > 2 * TAIL
    for data in (JPEG, big, JPEG + bytes(5000), big + b"\xff\xd8\xff\xe1trailer \xff\xd9" * 3):
        assert integrity_of(data, "a.jpg") == COMPLETE
    for data in (JPEG[:-2], JPEG[: len(JPEG) // 2], big[:-2], big[:-90_000], big[:-2] + bytes(70_000), JPEG[:20]):
        assert integrity_of(data, "a.jpg").is_cut
    motion = big + FTYP + box(b"mdat", b"\xff\x10\xff\x20" * TAIL)  # a movie after the picture
    assert integrity_of(motion, "MVIMG_1.jpg") == UNKNOWN


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(JPEG)) + JPEG
    whole = JPEG[:2] + segment + JPEG[2:]
    assert integrity_of(whole, "a.jpg") == COMPLETE
    assert integrity_of(whole[:-2], "a.jpg") == cut("no end of image")


@pytest.mark.parametrize("version", [0, 1])
def test_reads_the_creation_time_of_a_container(version: int) -> None:
    when = datetime(2026, 1, 15, 8, 15, 2, tzinfo=UTC)
    for data in (FTYP + MDAT + box(b"moov", mvhd(when, version)), FTYP + box(b"moov", mvhd(when, version)) + MDAT):
        assert boxes.created(reader.of_file(io.BytesIO(data))) == when
        assert cloud.examine(reader.of_file(io.BytesIO(data))).created == when
    for data in (movie(None), FTYP + MDAT, b"", box(b"moov"), box(b"moov", box(b"mvhd"))):
        assert boxes.created(reader.of_file(io.BytesIO(data))) is None


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(st.binary(max_size=600), mutated(BOXED)), st.sampled_from(["a.mp4", "a.heic", "a.jpg", "a"]))
@example(b"\x00\x00\x00\x01moov" + b"\xff" * 8, "a.mp4")
@example(b"\x00\x00\x00\x08free" * 50_000, "a.mp4")
@example(b"\xff\xd8" + b"\xff\xe0\x00\x00" * 20_000, "a.jpg")
@example(b"\xff\xd8" + b"\xff" * 100_000, "a.jpg")
def test_any_bytes_are_handled_with_few_reads(data: bytes, name: str) -> None:
    file = Counted(data)
    result = integrity(reader.of_file(file), name)
    assert (result.reason is not None) == result.is_cut
    assert result.reason is None or (result.reason.isascii() and result.reason.isprintable())
    boxes.created(reader.of_file(file))
    assert file.reads <= 3 * boxes.MAX_BOXES
    assert file.bytes_read <= 4096 + TAIL + 3 * 16 * boxes.MAX_BOXES


def test_a_stale_file_size_is_harmless() -> None:
    for size in (0, 10, len(FAST) * 2, 1 << 62):
        integrity(reader.of_file(io.BytesIO(FAST), size), "a.mp4")
