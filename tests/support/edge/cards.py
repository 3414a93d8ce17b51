"""Files on a card, and the bucket they are uploaded to."""

from __future__ import annotations

import os
import random
import time
from functools import cache
from pathlib import Path
from typing import Any

BUCKET = "impp-edge-test"
PART = 5 * 1024 * 1024  # S3's least, so that files of several parts stay small
NOISE = 32 * 1024 * 1024  # the random bytes that files are cut from
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


def put(card: Path, name: str | bytes, content: bytes = MP4, age: float = 3600) -> Path:
    """A file on the card, last written ``age`` seconds ago; each gets its own content unless one is given."""
    path = card / (os.fsdecode(name) if isinstance(name, bytes) else name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content + os.urandom(16) if content is MP4 else content)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def noise(size: int, seed: int = 0) -> bytes:
    """Random bytes, other ones for each seed."""
    start = 1000 * seed
    assert start + size <= NOISE
    return _noise()[start : start + size]


@cache
def _noise() -> bytes:
    """Made once, because random bytes take longer to make than to hash and to upload."""
    return random.Random(NOISE).randbytes(NOISE)


def objects(s3: Any) -> dict[str, bytes]:
    """All objects by key. Fails where a key has more than one version: nothing may be replaced."""
    versions = s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
    assert len({v["Key"] for v in versions}) == len(versions)
    return {v["Key"]: s3.get_object(Bucket=BUCKET, Key=v["Key"])["Body"].read() for v in versions}
