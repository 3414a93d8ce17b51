"""GPS time in clips and sidecars, in blocks built after the documented layouts."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import camera_files as files
from tests.support.boxed_files import BOXED, HEIF, mutated
from tests.support.camera_files import FTYP, MDAT, MOOV, Counted, box, counted, movie, mvhd
from tests.support.examples import examples

from impp_footage import boxes, exif, gps, reader

AT = datetime(2026, 1, 15, 7, 15, 2, tzinfo=UTC)
LATE = AT + timedelta(seconds=20)


def reader_of(data: bytes) -> reader.RangeReader:
    return reader.of_file(io.BytesIO(data))


def fix(data: bytes) -> datetime | None:
    return gps.first_fix(reader_of(data))


def unlisted_fix(data: bytes) -> datetime | None:
    return gps.unlisted_fix(reader_of(data))


@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_reads_the_time_of_a_free_gps_block(layout: files.Block) -> None:
    assert gps.free_gps(layout(AT)) == AT
    assert gps.free_gps(layout(AT, b"V")) is None  # no fix: the time is the camera's own


@pytest.mark.parametrize("layout", files.LAYOUTS)
@pytest.mark.parametrize("listed", ["moov", "udta"])
def test_blocks_are_found_by_their_index(layout: files.Block, listed: str) -> None:
    assert fix(files.dashcam([layout(AT), layout(LATE)], listed=listed)) == AT


def test_unlisted_blocks_can_be_searched() -> None:
    data = files.dashcam([files.novatek(AT, b"V"), files.novatek(AT)], listed="nowhere")
    assert fix(data) is None
    assert unlisted_fix(data) == AT
    assert unlisted_fix(movie(None, data=bytes(gps.SCAN + gps.BLOCK) + files.novatek(AT))) is None  # too far in


def test_a_block_across_two_reads_is_found() -> None:
    for distance in (4, 8, 100, 300):
        before = bytes((1 << 20) - len(FTYP) - 8 - distance)
        assert unlisted_fix(movie(None, data=before + files.novatek(AT))) == AT


def test_a_late_fix_is_corrected_to_the_start_of_the_clip() -> None:
    blocks = [files.novatek(AT, b"V")] * 20 + [files.novatek(AT + timedelta(seconds=n)) for n in range(20, 60)]
    assert fix(files.dashcam(blocks)) == AT
    payloads = [files.hero6(AT, fix=0)] * 3 + [files.hero6(AT + timedelta(seconds=n)) for n in range(3, 6)]
    assert fix(files.gopro(payloads)) == AT


def test_an_invalid_time_is_not_a_fix() -> None:
    """Damaged bytes after valid markers: a minute too large for datetime, and one too large for a C integer."""
    minute_at = 0x34  # of Novatek's layout
    for minute in (60, 1 << 31):
        block = bytearray(files.novatek(AT))
        struct.pack_into("<I", block, minute_at, minute)
        assert gps.free_gps(bytes(block)) is None
    payload = files.hero11(AT)
    scales = struct.pack(">2i", 1, 1000)
    assert gps.gpmf(payload) == AT and payload.count(scales) == 1
    assert gps.gpmf(payload.replace(scales, bytes(8))) is None


def test_a_scrambled_block_has_no_time() -> None:
    assert gps.free_gps(files.azdome(AT)) is None
    assert fix(files.dashcam([files.azdome(AT)] * 3)) is unlisted_fix(files.dashcam([files.azdome(AT)])) is None


@pytest.mark.parametrize("hero", [files.hero6, files.hero11])
@pytest.mark.parametrize("wide", [False, True])
def test_gopro_clips_have_a_gps_track(hero: files.Block, wide: bool) -> None:
    assert fix(files.gopro([hero(AT), hero(LATE)], wide=wide)) == AT
    assert fix(files.gopro([hero(AT, fix=0)] * 5, wide=wide)) is None


def test_nmea_needs_a_fix_and_a_valid_checksum() -> None:
    assert gps.nmea(files.rmc(AT)) == gps.nmea(files.rmc(AT, check=False)) == AT
    assert gps.nmea(files.rmc(AT, b"V")) is None
    assert gps.nmea(files.rmc(AT).replace(b"5231", b"5232")) is None
    assert gps.nmea(files.rmc(AT).replace(b"GPRMC", b"GNRMC", 1)[:-3]) == AT  # several constellations
    assert gps.nmea(b"$GPRMC,251502.00,A,1.0,N,1.0,E,,,150126,,,A") is None  # no such hour


def test_blackvue_nmea_is_read_from_clips_and_sidecars() -> None:
    text = files.blackvue_gps(AT, waiting=5)
    assert gps.nmea(text) == AT
    assert fix(FTYP + box(b"free", box(b"gps ", text)) + MDAT + MOOV) == AT
    assert fix(movie(None, box(b"udta", text))) == AT
    assert gps.nmea(files.blackvue_gps(AT, waiting=500)) is None  # minutes without a fix: no longer its beginning


@pytest.mark.parametrize(
    "data", [b"", MDAT, MOOV, movie(AT), files.gopro([]), files.dashcam([]), files.gopro([b"junk"])]
)
def test_other_clips_have_no_fix(data: bytes) -> None:
    assert fix(data) is unlisted_fix(data) is None


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_reads_when_a_picture_was_taken(kind: str) -> None:
    taken = exif.read_time(reader_of(files.picture(kind, offset="+02:00", gps=AT)))
    assert taken == exif.PictureTime(datetime(2026, 1, 15, 8, 15, 2), timezone(timedelta(hours=2)), AT)
    plain = exif.read_time(reader_of(files.picture(kind)))
    assert plain == exif.PictureTime(datetime(2026, 1, 15, 8, 15, 2))


@pytest.mark.parametrize(
    ("local", "offset"), [("0000:00:00 00:00:00", None), ("    :  :     :  :  ", "+99:00"), ("2026:13:01 00:00:00", "")]
)
def test_a_picture_with_an_unset_clock_has_no_time(local: str, offset: str | None) -> None:
    assert exif.read_time(reader_of(files.picture(local=local, offset=offset))) == exif.PictureTime()


def test_exif_after_a_jfif_segment_in_either_byte_order() -> None:
    picture = files.picture()
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    assert exif.read_time(reader_of(picture[:2] + jfif + picture[2:])).local == datetime(2026, 1, 15, 8, 15, 2)
    entry = struct.pack("<HHII", 0x9003, 2, 20, 60)
    small = b"II*\x00" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 30) + bytes(8)
    little = small + struct.pack("<H", 1) + entry
    little = little.ljust(60, b"\x00") + b"2026:01:15 08:15:02\x00"
    assert exif.read_time(reader_of(little)).local == datetime(2026, 1, 15, 8, 15, 2)


TOLD = [
    files.dashcam([layout(AT)[:400] for layout in files.LAYOUTS]),
    files.dashcam([files.novatek(AT)[:400]], listed="nowhere"),
    files.gopro([files.hero6(AT, fix=0), files.hero11(AT)]),
    files.gopro([files.hero11(AT)] * 3, wide=True),
    FTYP + box(b"free", box(b"gps ", files.blackvue_gps(AT))) + MDAT + MOOV,
    files.picture(offset="+02:00", gps=AT), HEIF, *BOXED,
]  # fmt: skip
ENDLESS_ILOC = box(b"iloc", bytes(6), b"\x40\x00" * 30_000)


@settings(max_examples=examples(600), deadline=None)
@given(st.one_of(st.binary(max_size=800), mutated(TOLD)))
@example(
    box(b"ftyp", b"heic")
    + box(
        b"meta",
        bytes(4),
        box(b"iinf", bytes(6), box(b"infe", b"\x02" + bytes(7), b"Exif")),
        box(b"iloc", b"\x01\x00\x00\x00\x00\x00\xff\xff" + b"\x00\x00\x00\x00\x00\x00\xff\xff" * 500),
    )
)
@example(box(b"ftyp", b"heic") + box(b"meta", bytes(4), box(b"iinf"), ENDLESS_ILOC))
@example(b"II*\x00" + struct.pack("<IH", 8, 65535) + bytes(100_000))
@example(b"freeGPS " * 500_000)
@example(movie(None, box(b"udta", b"$GPRMC,000000,A," + b"1" * 100_000)))
@example(movie(None, box(b"trak", box(b"mdia", box(b"minf", box(b"stbl")))) * 2000))
def test_any_bytes_are_handled_with_few_reads(data: bytes) -> None:
    file = Counted(data)
    for time in (gps.first_fix(reader.of_file(file)), gps.unlisted_fix(reader.of_file(file))):
        assert time is None or time.tzinfo is UTC
    assert file.reads <= 12 * boxes.MAX_BOXES
    assert file.bytes_read <= gps.SCAN * 1.01 + len(gps.RECORDS) * gps.PAYLOAD + 16 * 12 * boxes.MAX_BOXES
    file.reads = file.bytes_read = 0
    exif.read_time(reader.of_file(file))
    assert file.reads <= 2 * boxes.MAX_BOXES
    assert file.bytes_read <= 200_000
    gps.nmea(data), gps.gpmf(data), gps.free_gps(data)


def test_a_clip_of_a_million_boxes_takes_few_reads() -> None:
    data = FTYP + MDAT + box(b"moov", mvhd(None), box(b"trak", box(b"free") * 4000) * 20)
    file, reads = counted(data)
    assert gps.first_fix(file) is None
    assert len(reads) == gps.MAX_READS
