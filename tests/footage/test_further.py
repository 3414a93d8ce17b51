"""Finding where a second recording begins in a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import difficult_files as files
from tests.support.camera_files import counted

from impp_footage import formats
from impp_footage.further import MOST_CHUNKS, further

flv = files.clip("flv", *files.X264, *files.AAC)


def of(data: bytes) -> int | None:
    return further(counted(data)[0], str(formats.sniff(data[: formats.HEAD_BYTES])))


@pytest.mark.parametrize(
    "make", [files.avi, files.wav, files.matroska, files.webm, flv], ids=["avi", "wav", "mkv", "webm", "flv"]
)
def test_finds_the_second_of_two_files(make: Callable[[], bytes]) -> None:
    data = make()
    assert of(data) is None
    assert of(data + bytes(100)) is None
    assert of(data + data) == len(data)
    assert of(data + data[:200]) == len(data)


def test_an_avi_of_several_gigabytes_is_one_recording() -> None:
    """OpenDML: further chunks of the form AVIX belong to the first."""

    def chunk(form: bytes) -> bytes:
        return b"RIFF" + (104).to_bytes(4, "little") + form + bytes(100)

    long = chunk(b"AVI ") + chunk(b"AVIX") * 3
    assert of(long) is None
    assert of(long + long) == len(long)
    assert of(chunk(b"AVI ") + chunk(b"AVIX") * 2 * MOST_CHUNKS) is None


@pytest.mark.parametrize("make", [files.transport, files.mp3, files.recorder_webm], ids=["ts", "mp3", "live webm"])
def test_what_has_no_length_has_no_end(make: Callable[[], bytes]) -> None:
    assert of(make() * 2) is None


@given(st.sampled_from(["avi", "wave", "matroska", "flv"]), st.binary(max_size=80), st.integers(0, 60))
def test_copes_with_any_bytes(container: str, noise: bytes, at: int) -> None:
    heads = {
        "avi": b"RIFF\x10\0\0\0AVI ",
        "wave": b"RIFF\x10\0\0\0WAVE",
        "matroska": b"\x1aE\xdf\xa3\x81\0\x18S\x80g\x82\0\5",
        "flv": b"FLV\1\0\x08filesize\0",
    }
    data = heads[container] + noise
    place = further(counted(data[:at] + noise + data[at:])[0], container)
    assert place is None or 0 < place < len(data) + len(noise)
