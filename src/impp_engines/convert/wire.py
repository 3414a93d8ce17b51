"""Protocol-buffer wire format, as little of it as ONNX files need.

https://protobuf.dev/programming-guides/encoding/; field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""


def varint(value: int) -> bytes:
    """An integer, negative ones as 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """An integer field."""
    return varint(field << 3 | VARINT) + varint(value)


def chunk(field: int, value: bytes) -> bytes:
    """A field of bytes, or of an embedded message."""
    return varint(field << 3 | BYTES) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """A string field."""
    return chunk(field, value.encode())


def fields(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The fields of a message: number, the whole field as written, and its content (empty unless bytes)."""
    at = 0
    while at < len(data):
        start = at
        key, at = _read_varint(data, at)
        content = b""
        if key & 7 == BYTES:
            size, at = _read_varint(data, at)
            content, at = data[at : at + size], at + size
        elif key & 7 == VARINT:
            _, at = _read_varint(data, at)
        else:
            at += {FIXED64: 8, FIXED32: 4}[key & 7]
        yield key >> 3, data[start:at], content


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
