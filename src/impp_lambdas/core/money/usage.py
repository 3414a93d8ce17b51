"""What requests, jobs and runs of functions cost."""

from __future__ import annotations

import math

from impp_lambdas.core.money.pricing import GB, LedgerLine, PriceBook

COPY_PART = 256 * 2**20
"""Bytes per part of a large copy."""
MIN_TRANSCRIBE_S = 15
"""Transcribe bills each job for at least 15 s, in whole seconds (its pricing page)."""


def lambda_lines(seconds: float, memory_mb: int, machine: str, requests: int = 1) -> list[LedgerLine]:
    """Requests and GB-seconds (GiB of memory times seconds, as Lambda bills it) of a function on a machine type."""
    book = PriceBook.load()
    item = "arm64_gb_second" if machine in ("aarch64", "arm64") else "x86_gb_second"
    return [book.line("lambda", "request", requests), book.line("lambda", item, seconds * memory_mb / 1024)]


INDEX_GETS, INDEX_PUTS = 4, 3
"""The month's shard, its words, the shard again, and the list of the months; one of each more per level at which the
month has been split. A test counts them."""


def request_lines(*, gets: int, puts: int) -> list[LedgerLine]:
    """Requests to S3."""
    book = PriceBook.load()
    return [book.line("s3", "get", gets), book.line("s3", "put", puts)]


def index_lines() -> list[LedgerLine]:
    """Requests for an asset's entry in the index, unless other executions write the same shard at that moment."""
    return request_lines(gets=INDEX_GETS, puts=INDEX_PUTS)


def copy_lines(size: int) -> list[LedgerLine]:
    """A copy of `size` bytes within S3 and its first month, in parts of :data:`COPY_PART`."""
    requests = math.ceil(size / COPY_PART) + 2 if size >= COPY_PART else 1
    return [*request_lines(gets=1, puts=requests), PriceBook.load().line("s3", "standard", size / GB)]


def transcribe_line(seconds: float) -> LedgerLine:
    """A transcription job over `seconds` of sound."""
    return PriceBook.load().line("transcribe", "batch", max(MIN_TRANSCRIBE_S, math.ceil(round(seconds, 3))))
