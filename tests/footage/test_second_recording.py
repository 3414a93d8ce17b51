"""Finding where a second recording begins in a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support import difficult_files as files
from tests.support.boxed_files import FRAGMENT
from tests.support.camera_files import FTYP, MOOV, counted

from impp_footage import formats
from impp_footage import second_recording as module
from impp_footage.second_recording import MOST_CHUNKS, offset

flv = files.clip("flv", *files.X264, *files.AAC)


def of(data: bytes) -> int | None:
    return offset(counted(data)[0], str(formats.sniff(data[: formats.HEAD_BYTES])))


@pytest.mark.parametrize(
    "make", [files.avi, files.wav, files.matroska, files.webm, flv], ids=["avi", "wav", "mkv", "webm", "flv"]
)
def test_finds_the_second_of_two_files(make: Callable[[], bytes]) -> None:
    data = make()
    assert of(data) is None
    assert of(data + bytes(100)) is None
    assert of(data + data) == len(data)
    assert of(data + data[:200]) == len(data)


@pytest.mark.parametrize(
    "make", [files.recorder_webm, files.fragmented, files.flac], ids=["live webm", "fragmented mp4", "flac"]
)
def test_finds_where_times_begin_again(make: Callable[[], bytes]) -> None:
    data = make()
    assert of(data) is None
    assert of(data + bytes(100)) is None
    assert of(data + data) == len(data)
    assert of(data + data + data) == len(data)
    assert of(data + data[: len(data) // 2]) == len(data)
    assert of(data[: len(data) // 2] + data) == len(data) // 2


def test_finds_sound_of_another_rate_and_shape() -> None:
    stereo = files.sound("flac", "-c:a", "flac", source=files.NOISE)()
    mono = files.sound("flac", "-c:a", "flac", source=files.tone(0.5, "mono", 48_000))()
    assert of(stereo) is None
    assert of(stereo + mono) == len(stereo)
    assert of(mono + stereo) == len(mono)


def flac_of(frames: int, length: int) -> bytes:
    """A FLAC of frames of 4096 samples at 48 kHz, each of `length` bytes."""
    info = b"\x10\0\x10\0" + bytes(6) + (48_000 << 44 | 1 << 41 | 15 << 36).to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80\0\0\x22" + info + b"".join(flac_frame(n).ljust(length, b"\0") for n in range(frames))


@cache
def flac_frame(number: int) -> bytes:
    """The header of a stereo frame of 16 bits."""
    head = b"\xff\xf8\xca\x18" + chr(number).encode()
    crc = 0
    for bit in (byte >> shift & 1 for byte in head for shift in range(7, -1, -1)):
        crc = (crc << 1 ^ (0x107 if (crc >> 7) ^ bit else 0)) & 0xFF
    return head + bytes([crc])


@given(*[st.integers(1, 2000)] * 2, *[st.integers(40, 60)] * 2)
@example(565, 66, 48, 60)  # a place counted from the beginning lies within the last NEAR bytes
def test_finds_the_second_whatever_the_lengths(first: int, second: int, length: int, other: int) -> None:
    data, behind = flac_of(first, length), flac_of(second, other)
    with mock.patch.multiple(module, NEAR=4096, CLOSE=4096):
        assert of(data) is None
        assert of(data + behind) == len(data)


def test_few_bytes_are_read_for_it() -> None:
    data = flac_of(50_000, 800)
    for whole, second in ((data, None), (data + data, len(data)), (data + flac_of(9, 800), len(data))):
        file, sizes = counted(whole)
        assert offset(file, "flac") == second
        assert sum(sizes) < 0.3 * file.size


def test_an_avi_of_several_gigabytes_is_one_recording() -> None:
    """OpenDML: further chunks of the form AVIX belong to the first."""

    def chunk(form: bytes) -> bytes:
        return b"RIFF" + (104).to_bytes(4, "little") + form + bytes(100)

    long = chunk(b"AVI ") + chunk(b"AVIX") * 3
    assert of(long) is None
    assert of(long + long) == len(long)
    assert of(chunk(b"AVI ") + chunk(b"AVIX") * 2 * MOST_CHUNKS) is None


@pytest.mark.parametrize("make", [files.transport, files.mp3], ids=["ts", "mp3"])
def test_what_has_no_length_has_no_end(make: Callable[[], bytes]) -> None:
    assert of(make() * 2) is None


@given(st.sampled_from(["avi", "wave", "matroska", "flv", "flac", "mp4"]), st.binary(max_size=80), st.integers(0, 60))
def test_copes_with_any_bytes(container: str, noise: bytes, at: int) -> None:
    heads = {
        "avi": b"RIFF\x10\0\0\0AVI ",
        "wave": b"RIFF\x10\0\0\0WAVE",
        "matroska": b"\x1aE\xdf\xa3\x81\0\x18S\x80g\x82\0\5",
        "flv": b"FLV\1\0\x08filesize\0",
        "flac": flac_of(3, 40),
        "mp4": FTYP + MOOV + FRAGMENT * 2,
    }
    data = heads[container] + noise
    place = offset(counted(data[:at] + noise + data[at:])[0], container)
    assert place is None or 0 < place < len(data) + len(noise)
