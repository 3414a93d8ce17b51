"""Integers of EBML, of which Matroska and WebM are made (RFC 8794, 4)."""

from __future__ import annotations


def length(data: bytes, at: int) -> int:
    """Bytes of the variable-size integer at an offset; 0 if there is none."""
    return 9 - data[at].bit_length() if at < len(data) and data[at] else 0


def value(data: bytes) -> int | None:
    """The value of such an integer, None if it means "unknown"."""
    most = (1 << 7 * len(data)) - 1
    number = int.from_bytes(data, "big") & most
    return None if number == most else number
