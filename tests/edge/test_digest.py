"""Checksums of a file and its parts in one read."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from impp_edge import digest as module
from impp_edge.digest import BLOCK, crc64nvme, digest, slow_crc64nvme, text
from impp_edge.stop import Stopped

CHECK = 0xAE8B14860A799888
"""CRC-64/NVME of ``123456789``, from the catalogue of parametrised CRC algorithms."""


@pytest.mark.parametrize("crc", [crc64nvme, slow_crc64nvme])
def test_the_checksum_matches_the_crc_catalogue(crc: Callable[[bytes | memoryview, int], int]) -> None:
    assert crc(b"123456789", 0) == CHECK
    assert crc(memoryview(b"56789"), crc(b"1234", 0)) == CHECK
    assert crc(b"", 0) == 0


def test_both_implementations_agree() -> None:
    chance = random.Random(1)
    for size in (1, 7, 255, 4096):
        data = chance.randbytes(size)
        assert slow_crc64nvme(data, 5) == crc64nvme(data, 5)


@pytest.mark.parametrize("part_size", [1000, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, BLOCK, 2 * BLOCK + 5])
def test_parts_and_file_have_checksums(size: int, part_size: int) -> None:
    data = random.Random(size).randbytes(size)
    content = digest(io.BytesIO(data), part_size)
    parts = [data[at : at + part_size] for at in range(0, size, part_size)] or [b""]
    assert content.parts == tuple(text(crc64nvme(part, 0)) for part in parts)
    assert (content.size, content.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert content.crc64nvme == base64.b64encode(crc64nvme(data, 0).to_bytes(8, "big")).decode()
    assert content.part_size == part_size


class _ShortReads(io.BytesIO):
    """A file whose reads return few bytes, as on a slow card."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(buffer[:7])


def test_short_reads_change_nothing() -> None:
    data = random.Random(2).randbytes(500)
    assert digest(_ShortReads(data), 64) == digest(io.BytesIO(data), 64)


def test_digest_stops_when_asked_to() -> None:
    stop = threading.Event()
    file = io.BytesIO(bytes(4 * BLOCK))
    stop.set()
    with pytest.raises(Stopped):
        digest(file, BLOCK, stop)
    assert file.tell() <= BLOCK


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as writer:
        writer.truncate(64 * BLOCK)
    digest(io.BytesIO(b"warm"), BLOCK)
    tracemalloc.start()
    with path.open("rb") as file:
        digest(file, 8 * BLOCK)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < BLOCK


def test_each_thread_has_its_own_buffer() -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(id(module._buffer())))
    thread.start()
    thread.join()
    assert seen[0] != id(module._buffer()) == id(module._buffer())
