"""The index's tree of shards, with many writers at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from impp_lambdas.core import contention, keys
from impp_lambdas.core.results import index
from impp_lambdas.core.results.index_tree import IndexTree

WRITERS = 200


class Store:
    """Documents in memory, written on the conditions that S3 has (tests/lambdas/adapters/test_index.py)."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self.tree = IndexTree(self.read, self.write_if, lambda: "2026-11-29T12:00:00Z")

    def read(self, key: str) -> tuple[Any, str | None]:
        """A document and its version."""
        text, version = self._texts.get(key, (None, None))
        return (json.loads(text) if text else None), version

    def write_if(self, key: str, document: Any, version: str | None) -> bool:
        """Write a document if it has this version."""
        with self._lock:
            if self._texts.get(key, ("", None))[1] != version:
                return False
            self._texts[key] = (json.dumps(document), str(int(version or 0) + 1))
            return True

    def shards(self, listed: str = keys.INDEX_SHARDS) -> Iterator[tuple[Any, Any]]:
        """Every shard that holds assets, with its words, as readers reach them."""
        for row in self.read(listed)[0]["shards"]:
            shard, _ = self.read(row["path"])
            assert row == index.row(shard)
            if index.is_split(shard):
                yield from self.shards(row["path"])
            else:
                yield shard, self.read(row["words"])[0]


def entry(asset: str, at: str) -> dict[str, Any]:
    return {"asset": asset, "captured_at": at, "state": "published", "name": "x.mp4", "key": "originals/x.mp4"}


def put(store: Store, asset: str, at: str) -> None:
    store.tree.put(at[:16], asset, lambda _: entry(asset, at), {"text": [[asset, 0.0]]})


@pytest.mark.parametrize("days", [1, 30])
def test_200_concurrent_writers_split_a_month_and_lose_nothing(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setattr(index, "MAX_ASSETS", 20)
    monkeypatch.setattr(contention, "PAUSE_S", 0.002)
    monkeypatch.setattr(contention, "ATTEMPTS", 100)
    store, barrier = Store(), threading.Barrier(WRITERS)
    times = {f"{n:020x}": f"2026-09-{1 + n % days:02}T{n % 24:02}:{n % 60:02}:00Z" for n in range(WRITERS)}

    def write(asset: str) -> None:
        barrier.wait()
        put(store, asset, times[asset])

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, times))
    shards = list(store.shards())
    entries = [one for shard, _ in shards for one in shard["assets"]]
    assert sorted(one["asset"] for one in entries) == sorted(times)
    assert entries == index.shard("2026-09", 1, entries)["assets"], (
        "shards in the order of their lists are newest first"
    )
    assert {one["asset"]: one["captured_at"] for one in entries} == times
    assert {asset: said for _, words in shards for asset, said in words["assets"].items()} == {
        asset: {"text": [[asset, 0.0]]} for asset in times
    }
    assert max(len(shard["assets"]) for shard, _ in shards) <= 20
    assert store.read(keys.INDEX_SHARDS)[0]["shards"][0]["assets"] == WRITERS


def test_an_asset_is_found_and_removed_wherever_splits_have_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_ASSETS", 2)
    store = Store()
    times = {f"{n:020x}": f"2026-09-{day}T10:0{n}:00Z" for n, day in enumerate(("01", "28", "28", "28", "29"))}
    for asset, at in times.items():
        put(store, asset, at)
    for asset, at in times.items():
        shard, words = store.tree.shard(at[:16])
        assert index.entry_of(shard, asset) == entry(asset, at) and words["assets"][asset]
        store.tree.remove(at[:16], asset)
    assert [shard["assets"] for shard, _ in store.shards()] == [[]] * len(list(store.shards()))
    assert all(words["assets"] == {} for _, words in store.shards())


@pytest.mark.slow
def test_20000_assets_in_a_month_are_split_into_shards_that_are_none_too_large() -> None:
    store = Store()
    times = {f"{n:020x}": f"2026-09-{1 + n % 30:02}T{n % 24:02}:{n % 60:02}:00Z" for n in range(20_000)}
    entries = [entry(asset, at) for asset, at in times.items()]
    words = {asset: {"text": [[asset, 0.0]]} for asset in times}
    month = "2026-09"
    assert store.tree.replace(
        month, lambda _: index.shard(month, 1, entries), lambda _: index.words_shard(month, words)
    )
    assert not store.tree.replace(month, lambda _: index.shard(month, 2, []), lambda _: index.words_shard(month, {}))
    shards = list(store.shards())
    assert {one["asset"]: one["captured_at"] for shard, _ in shards for one in shard["assets"]} == times
    assert all(words["assets"].keys() == {one["asset"] for one in shard["assets"]} for shard, words in shards)
    assert max(len(shard["assets"]) for shard, _ in shards) <= index.MAX_ASSETS
    assert store.read(keys.INDEX_SHARDS)[0]["shards"][0]["assets"] == len(times)


def test_assets_of_one_minute_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_ASSETS", 2)
    store, at = Store(), "2026-09-28T10:00:00Z"
    for n in range(4):
        put(store, f"{n:020x}", at)
    assert [shard["times"] for shard, _ in store.shards()] == [at[:16]]


def test_junk_of_one_minute_does_not_crowd_its_footage_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box chooses the times of its files: those of a minute are in one shard, which every write rewrites."""
    monkeypatch.setattr(index, "MAX_ASSETS", 5)
    store, at = Store(), "2026-09-28T10:00:00Z"
    for n in range(20):
        junk = {**entry(f"{n:020x}", at), "state": "quarantined"}
        store.tree.put(at[:16], junk["asset"], lambda _, junk=junk: junk, {})
    for n in range(100, 110):
        put(store, f"{n:020x}", at)
    ((shard, _),) = store.shards()
    states = [one["state"] for one in shard["assets"]]
    assert (states.count("quarantined"), states.count("published")) == (5, 10)
    revision = shard["revision"]
    store.tree.put(at[:16], "f" * 20, lambda _: {**entry("f" * 20, at), "state": "quarantined"}, {})
    assert next(store.shards())[0]["revision"] == revision, "what is left out writes nothing"
    first = f"{0:020x}"
    store.tree.put(at[:16], first, lambda _: {**entry(first, at), "reason": "replayed"}, {})
    ((shard, _),) = store.shards()
    assert (index.entry_of(shard, first) or {})["state"] == "published"


def test_a_shard_is_split_for_its_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_WORDS", 1)
    store = Store()
    put(store, "0" * 20, "2026-09-01T00:00:00Z")
    put(store, "1" * 20, "2026-09-11T00:00:00Z")
    assert [shard["times"] for shard, _ in store.shards()] == ["2026-09-1", "2026-09-0"]


def test_paths_are_safe_and_sorted_as_their_times() -> None:
    times = index.prefixes("2026-09-28T10:05")
    assert [time[7:] for time in times] == ["", "-2", "-28", "-28T1", "-28T10", "-28T10:0", "-28T10:05"]
    for wider, narrower in pairwise(times):
        parts = index.narrower(wider)
        assert narrower in parts and sorted(map(keys.index_shard, parts)) == [*map(keys.index_shard, parts)]
        assert all(keys.is_safe(keys.index_words(part)) for part in parts)
