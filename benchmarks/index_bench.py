"""What keeping the index costs per asset, by the size of its month: requests, bytes, and the time of the function
Publish; and how long many functions that end at the same moment wait for each other.

    PYTHONPATH=src:edge:. python benchmarks/index_bench.py

The documents are in memory, written on the conditions that S3 has, by the code that the function runs. An asset is
added to the newest shard of a month. Its time is the processor's, at the share of a core that comes with Publish's
memory, and for S3 what `FIRST_BYTE_S` and `BYTES_PER_S` assume, as pauses for concurrent writers. Prices are list
prices.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.gallery.archive import NEWEST, Archive

from impp_lambdas.core import contention, keys
from impp_lambdas.core.money import functions
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import lambda_lines, request_lines
from impp_lambdas.core.results import index
from impp_lambdas.core.results.index_tree import IndexTree

MONTHS = (100, 1_000, 5_000, 20_000)
WRITERS = 200
FIRST_BYTE_S = 0.03
BYTES_PER_S = 60e6
CORE_MB = 1769
"""Memory with which a function has one whole core (Lambda developer guide, "Configure Lambda function memory")."""
NOW = "2026-11-29T12:00:00Z"
TABLE_READS, TABLE_WRITES = 4, 6
"""DynamoDB: two consistent reads and one write of an item of some 6 KB."""


class Store:
    """Documents as JSON in memory, with what was asked of them."""

    def __init__(
        self, documents: dict[str, Any] | None = None, pause: Callable[[float], object] = lambda _: None
    ) -> None:
        self._texts = {key: (encoded(document), "0") for key, document in (documents or {}).items()}
        self._lock = threading.Lock()
        self._pause = pause
        self.gets = self.puts = self.conflicts = self.read_bytes = self.written_bytes = 0
        self.tree = IndexTree(self.read, self.write_if, lambda: NOW)

    def read(self, key: str) -> tuple[Any, str | None]:
        """A document and its version."""
        text, version = self._texts.get(key, (b"null", None))
        self._pause(FIRST_BYTE_S + len(text) / BYTES_PER_S)
        with self._lock:
            self.gets, self.read_bytes = self.gets + 1, self.read_bytes + len(text)
        return json.loads(text), version

    def write_if(self, key: str, document: Any, version: str | None) -> bool:
        """Write a document if it has this version."""
        text = encoded(document)
        self._pause(FIRST_BYTE_S + len(text) / BYTES_PER_S)
        with self._lock:
            is_current = self._texts.get(key, ("", None))[1] == version
            if is_current:
                self._texts[key] = (text, str(int(version or 0) + 1))
            self.puts, self.conflicts = self.puts + 1, self.conflicts + (not is_current)
            self.written_bytes += len(text)
        return is_current


def main() -> None:
    """Print both tables."""
    heads = ("GET", "PUT", "read", "written", "processor", "function", "USD per asset")
    print(f"{'assets':>8}" + "".join(f"{head:>14}" for head in heads))
    for count in MONTHS:
        _one_more(count)
    for days in (1, 30):
        _at_once(days)


def _one_more(count: int) -> None:
    documents = Archive(count, 1).documents()
    known = Archive(1, 1).entries[0]
    store, processor = Store(documents), 1e9
    for attempt in range(3):
        store = Store(documents)
        started = time.process_time()
        put(store, f"{attempt:020x}", {**known, "captured_at": NEWEST.isoformat().replace("+00:00", "Z")})
        processor = min(processor, time.process_time() - started)
    memory_mb = int(functions.table()["publish"]["memory_mb"])
    transfer = (store.gets + store.puts) * FIRST_BYTE_S + (store.read_bytes + store.written_bytes) / BYTES_PER_S
    seconds = processor * CORE_MB / memory_mb + transfer
    book = PriceBook.load()
    usd = sum(line.usd for line in request_lines(gets=store.gets, puts=store.puts))
    usd += (
        book.line("dynamodb", "read_request", TABLE_READS).usd
        + book.line("dynamodb", "write_request", TABLE_WRITES).usd
    )
    usd += sum(line.usd for line in lambda_lines(seconds, memory_mb, "x86_64"))
    sizes = "".join(f"{size / 1e6:>11.2f} MB" for size in (store.read_bytes, store.written_bytes))
    print(f"{count:>8,}{store.gets:>14}{store.puts:>14}{sizes}{processor:>12.3f} s{seconds:>12.2f} s{usd:>14.6f}")


def _at_once(days: int) -> None:
    store, barrier, known = Store(pause=time.sleep), threading.Barrier(WRITERS), Archive(1, 1).entries[0]

    failures: list[int] = []

    def publish(number: int) -> float:
        at = f"2026-09-{1 + number % days:02}T{number % 24:02}:{number % 60:02}:00Z"
        barrier.wait()
        started = time.perf_counter()
        while True:
            try:
                put(store, f"{number:020x}", {**known, "captured_at": at})
            except contention.Contended:
                failures.append(number)
                time.sleep(random.uniform(0, 5))  # noqa: S311  as the state machine retries it first
            else:
                return time.perf_counter() - started

    with ThreadPoolExecutor(WRITERS) as pool:
        times = sorted(pool.map(publish, range(WRITERS)))
    rows = store.read(keys.INDEX_SHARDS)[0]["shards"]
    print(
        f"{sum(row['assets'] for row in rows)} assets of {days} days published at once: half of them listed within"
        f" {times[WRITERS // 2]:.1f} s, all within {times[-1]:.1f} s; per asset {store.gets / WRITERS:.1f} GET,"
        f" {store.puts / WRITERS:.1f} PUT, of which {store.conflicts / WRITERS:.1f} conflicts;"
        f" {len(failures)} retries by the state machine"
    )


def put(store: Store, asset: str, known: dict[str, Any]) -> None:
    """Publish an asset."""
    entry = {**known, "asset": asset}
    store.tree.put(index.time_of(entry), asset, lambda _: entry, {"speech": [[0.0, "hello"]]})


def encoded(document: Any) -> bytes:
    """A document as S3 has it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
