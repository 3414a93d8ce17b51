"""The ranged file returns exactly the object's bytes, seeks cheaply and has bounded memory."""

from __future__ import annotations

import io
import math
import random

import pytest

from impp_lambdas.adapters.ranged import READ_AHEAD, RangedFile
from impp_lambdas.core.media.bounds import REQUEST_BYTES
from impp_lambdas.core.money.runtimes import OPEN_GETS


def reader(data: bytes, block: int = 64, cache: int = 64) -> tuple[RangedFile, list[tuple[int, int]]]:
    calls: list[tuple[int, int]] = []

    def fetch(first: int, last: int) -> bytes:
        calls.append((first, last))
        return data[first : last + 1]

    return RangedFile(fetch, len(data), block=block, cache_blocks=cache), calls


def test_it_reads_the_same_as_a_plain_file() -> None:
    rng = random.Random(7)
    data = rng.randbytes(10_007)
    ours, _ = reader(data)
    plain = io.BytesIO(data)
    for _ in range(500):
        whence = rng.choice([io.SEEK_SET, io.SEEK_END])
        offset = rng.randrange(0, 10_050) if whence == io.SEEK_SET else -rng.randrange(0, 10_007)
        count = rng.choice([0, 1, 63, 64, 65, 1000, 20_000])
        assert ours.seek(offset, whence) == plain.seek(offset, whence)
        assert ours.read(count) == plain.read(count)


def test_sequential_reads_fetch_several_blocks_and_a_seek_fetches_one() -> None:
    data = bytes(64 * 200)
    ours, calls = reader(data)
    while ours.read(64):
        pass
    assert len(calls) < 200 / READ_AHEAD + 8
    assert sum(last - first + 1 for first, last in calls) == len(data)
    calls.clear()
    ours.seek(0)
    ours.read(1)
    assert calls == [(0, 63)]


def test_memory_is_bounded() -> None:
    ours, _ = reader(bytes(64 * 1000), cache=2 * READ_AHEAD)
    ours.readall()
    assert len(ours._cache) <= 2 * READ_AHEAD


def test_a_minute_of_footage_takes_as_many_requests_as_the_quote_says() -> None:
    size = 90_000_000
    file = RangedFile(lambda first, last: bytes(last - first + 1), size)
    file.read_at(size - 300_000, 300_000)  # the index
    file.seek(0)
    while file.read(1 << 20):
        pass
    assert file.fetches <= OPEN_GETS + math.ceil(size / REQUEST_BYTES)
    assert file.bytes_fetched < 1.01 * size


def test_a_short_response_is_an_error() -> None:
    with pytest.raises(EOFError, match="0-63"):
        RangedFile(lambda first, last: b"short", 1000, block=64).read(10)


def test_seeking_before_the_start_is_an_error() -> None:
    ours, _ = reader(b"abc")
    with pytest.raises(ValueError, match="-1"):
        ours.seek(-1)
