"""Bodies in chunks of `aws-chunked`, which is how SDKs stream to S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from impp_local.kernel.contract import AwsError

_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,16}")


def size_of(text: bytes) -> int | None:
    """The size that a chunk begins with, None if it has none. `int` also reads signs, and a negative size leads back to
    the beginning of the chunk: its reader would never end."""
    return int(text, 16) if _SIZE.fullmatch(text.strip(b" \t\r\n")) else None


@dataclass(frozen=True)
class Chunk:
    """A chunk. `signature` is "" where none was sent; the last chunk is empty."""

    data: bytes
    signature: str


def split_chunks(body: bytes) -> tuple[list[Chunk], bytes]:
    """The chunks of a body, and what follows the last one: its trailing headers. Raises AwsError IncompleteBody,
    InvalidChunkSizeError."""
    chunks: list[Chunk] = []
    position = 0
    while not chunks or chunks[-1].data:
        end = body.find(b"\r\n", position)
        if end < 0:
            raise _incomplete()
        size_text, _, extension = body[position:end].partition(b";")
        size = size_of(size_text)
        if size is None:
            raise AwsError("InvalidChunkSizeError", "A chunk has no size", 400)
        position = end + 2
        if size and position + size + 2 > len(body):
            raise _incomplete()
        name, _, signature = extension.partition(b"=")
        is_signed = name.strip() == b"chunk-signature"
        chunks.append(Chunk(body[position : position + size], signature.decode("latin-1") if is_signed else ""))
        position += size + 2 if size else 0
    return chunks, body[position:]


def _incomplete() -> AwsError:
    return AwsError("IncompleteBody", "The request body terminated unexpectedly", 400)
