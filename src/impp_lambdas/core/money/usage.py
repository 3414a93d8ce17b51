"""What a run of a function costs by itself."""

from __future__ import annotations

from impp_lambdas.core.money.pricing import LedgerLine, PriceBook


def lambda_lines(seconds: float, memory_mb: int, machine: str, requests: int = 1) -> list[LedgerLine]:
    """Requests and GB-seconds (GiB of memory times seconds, as Lambda bills it) of a function on a machine type."""
    book = PriceBook.load()
    item = "arm64_gb_second" if machine in ("aarch64", "arm64") else "x86_gb_second"
    return [book.line("lambda", "request", requests), book.line("lambda", item, seconds * memory_mb / 1024)]
