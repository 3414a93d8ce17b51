"""The checksums of S3: verify a body against its request, combine the checksums of parts.

Errors and their wording follow the S3 API reference ("Checking object integrity") and the answers of S3 itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from awscrt import checksums as crt  # type: ignore[import-untyped]

from impp_local.kernel.chunks import split_chunks
from impp_local.kernel.contract import AwsError

DEFAULT: Final = "CRC64NVME"
"""The algorithm of S3's own checksum for an upload without one."""

_CRCS: Final[dict[str, tuple[Callable[..., int], Callable[[int, int, int], int], int]]] = {
    "CRC32": (crt.crc32, crt.combine_crc32, 4),
    "CRC32C": (crt.crc32c, crt.combine_crc32c, 4),
    "CRC64NVME": (crt.crc64nvme, crt.combine_crc64nvme, 8),
}
_HASHES: Final[dict[str, Callable[[bytes], Any]]] = {
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "SHA256": hashlib.sha256,
}
ALGORITHMS: Final = (*_CRCS, *_HASHES)
_STREAMING: Final = "STREAMING-"


def checksum(algorithm: str, data: bytes) -> str:
    """Base64 of the big-endian checksum of `data`, as S3 writes it."""
    return checksum_of_blocks(algorithm, (data,))


def checksum_of_blocks(algorithm: str, blocks: Iterable[bytes]) -> str:
    """The checksum of the blocks one after the other."""
    if algorithm in _CRCS:
        update, _, width = _CRCS[algorithm]
        crc = 0
        for block in blocks:
            crc = update(block, crc)
        return base64.b64encode(crc.to_bytes(width, "big")).decode()
    digest = _HASHES[algorithm](b"")
    for block in blocks:
        digest.update(block)
    return base64.b64encode(digest.digest()).decode()


@dataclass(frozen=True)
class Part:
    """One part of a multipart upload: its checksum by the upload's algorithm, and its length in bytes."""

    checksum: str
    size: int


def full_object(algorithm: str, parts: Iterable[Part]) -> str:
    """The checksum of the concatenated parts, combined from theirs without the bytes (CRCs only)."""
    _, combine, width = _CRCS[algorithm]
    total = 0
    for part in parts:
        total = combine(total, int.from_bytes(base64.b64decode(part.checksum), "big"), part.size)
    return base64.b64encode(total.to_bytes(width, "big")).decode()


def composite(algorithm: str, parts: Iterable[Part]) -> str:
    """The checksum of the parts' checksums, without the `-<parts>` that S3 appends."""
    return checksum(algorithm, b"".join(base64.b64decode(part.checksum) for part in parts))


def decode_chunks(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Undo `aws-chunked`: the payload and the trailing headers (lower-case names). Raises AwsError IncompleteBody."""
    chunks, trailer = split_chunks(body)
    trailers: dict[str, str] = {}
    for line in trailer.split(b"\n"):
        name, colon, value = line.strip().partition(b":")
        if colon:
            trailers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    return b"".join(chunk.data for chunk in chunks), trailers


@dataclass(frozen=True)
class Verified:
    """A body that matches its checksums. `algorithm` and `value` are None for a request without one."""

    payload: bytes
    algorithm: str | None
    value: str | None


def verify(headers: Mapping[str, str], body: bytes) -> Verified:
    """Check every checksum that a request carries. `headers` has lower-case names.

    Raises AwsError BadDigest, InvalidDigest, XAmzContentSHA256Mismatch, IncompleteBody, InvalidRequest or
    MalformedTrailerError as S3 does.
    """
    declared = headers.get("x-amz-content-sha256", "")
    trailers: dict[str, str] = {}
    payload = body
    if declared.startswith(_STREAMING) or "aws-chunked" in headers.get("content-encoding", ""):
        payload, trailers = decode_chunks(body)
        _check_length(headers.get("x-amz-decoded-content-length"), payload)
    elif len(declared) == 64 and hashlib.sha256(payload).hexdigest() != declared.lower():
        raise AwsError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ClientComputedContentSHA256=declared,
            S3ComputedContentSHA256=hashlib.sha256(payload).hexdigest(),
        )
    _check_md5(headers.get("content-md5"), payload)
    algorithm, value = _declared_checksum(headers, trailers)
    if algorithm and value is not None:
        _check_value(algorithm, value)
        if checksum(algorithm, payload) != value:
            raise bad_digest(algorithm)
    return Verified(payload, algorithm, value)


def bad_digest(algorithm: str) -> AwsError:
    """The error for a checksum that does not match the bytes."""
    return AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def _declared_checksum(headers: Mapping[str, str], trailers: Mapping[str, str]) -> tuple[str | None, str | None]:
    trailer = headers.get("x-amz-trailer", "").strip().lower()
    if trailer and trailer not in trailers:
        raise AwsError("MalformedTrailerError", "The request contained trailing data that was not well-formed")
    fields = {**headers, **({trailer: trailers[trailer]} if trailer else {})}
    checksums = [(name, fields[f"x-amz-checksum-{name.lower()}"]) for name in ALGORITHMS if _header(name) in fields]
    if len(checksums) > 1:
        raise AwsError(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    announced = headers.get("x-amz-sdk-checksum-algorithm", "").upper()
    if announced and not checksums:
        raise AwsError(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers"
            " were found.",
        )
    if checksums and announced and announced != checksums[0][0]:
        raise AwsError("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    return checksums[0] if checksums else (None, None)


def _header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def _check_value(algorithm: str, value: str) -> None:
    width = {"SHA1": 20, "SHA256": 32}.get(algorithm) or _CRCS[algorithm][2]
    try:
        is_valid = len(base64.b64decode(value, validate=True)) == width
    except binascii.Error:
        is_valid = False
    if not is_valid:
        raise AwsError("InvalidRequest", f"Value for {_header(algorithm)} header is invalid.")


def _check_length(declared: str | None, payload: bytes) -> None:
    if declared is None:
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    if int(declared) != len(payload):
        raise AwsError(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header",
        )


def _check_md5(declared: str | None, payload: bytes) -> None:
    if declared is None:
        return
    try:
        digest = base64.b64decode(declared, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if hashlib.md5(payload, usedforsecurity=False).digest() != digest:
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
