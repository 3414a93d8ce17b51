"""What the models saw, look by look, as a file: JSON Lines, compressed with gzip.

Twelve hours are 43,200 looks, 100 MB as text and several times that as objects: they are read one after the other and
never held together. Files of parts need no new compression: members of gzip that follow each other are one file (RFC
1952, section 2.2).
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from impp_lambdas.adapters import s3

LEVEL = 4
"""Of zlib: looks shrink to a tenth at 40 MB/s; level 6 takes twice as long for another 5 %."""

Look = Mapping[str, Any]
"""`{t, hash, quality, <detector>: findings}`."""


def pack(looks: Iterable[Look]) -> bytes:
    """The file of looks in order of time."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=LEVEL, mtime=0) as file:
        for look in looks:
            file.write(json.dumps(look, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return packed.getvalue()


def read(bucket: str, key: str | None) -> bytes:
    """A file of looks in S3, empty without a key."""
    return b"".join(s3.read_all(bucket, key, None, 1 << 20)) if key else b""


def unpack(packed: bytes) -> Iterator[Look]:
    """The looks of a file, read while they are taken."""
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        yield from map(json.loads, file)
