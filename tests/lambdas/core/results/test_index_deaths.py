"""A function that dies after any of its writes to the index loses nothing: readers still see every asset, and the next
run completes what it left."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from impp_lambdas.core import keys
from impp_lambdas.core.results import index
from impp_lambdas.core.results.index_tree import IndexTree

Said = dict[str, str]
"""What was said in each asset."""

MONTH = "2026-09"
TIMES = [f"{MONTH}-{day:02}T10:00:00Z" for day in (1, 11, 21, 22, 23, 28, 29)]
ASSETS = {f"{number:020x}": at for number, at in enumerate(TIMES)}
NEW, NEW_AT = "f" * 20, f"{MONTH}-23T11:00:00Z"
NEXT, NEXT_AT = "e" * 20, f"{MONTH}-02T10:00:00Z"


class Died(Exception):
    """The function has ended."""


class Store:
    """Documents in memory; after `writes` more of them the writer dies, with the last one carried out."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[str, int]] = {}
        self.writes: int | None = None
        self.tree = IndexTree(self.read, self._write_if, lambda: "2026-11-29T12:00:00Z")

    def read(self, key: str) -> tuple[Any, str | None]:
        text, version = self.documents.get(key, (None, None))
        return (json.loads(text) if text else None), None if version is None else str(version)

    def _write_if(self, key: str, document: Any, version: str | None) -> bool:
        if self.writes == 0:
            raise Died
        if self.read(key)[1] != version:
            return False
        self.documents[key] = (json.dumps(document), int(version or 0) + 1)
        if self.writes is not None:
            self.writes -= 1
        return True


class Reader:
    """A browser or `impp find`, which keeps what it has read until a row has another revision."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[int, Any, Any]] = {}

    def assets(self, store: Store | None = None) -> Said:
        """What was said in every asset that it sees, from now on in another copy of the store."""
        self._store = store or self._store
        return dict(self._below(keys.INDEX_SHARDS))

    def again(self) -> Reader:
        """A reader that has read the same."""
        reader = Reader(self._store)
        reader._known = dict(self._known)
        return reader

    def _below(self, listed: str) -> Iterator[tuple[str, str]]:
        yield from self._of_rows((self._store.read(listed)[0] or {"shards": []})["shards"])

    def _of_rows(self, rows: Any) -> Iterator[tuple[str, str]]:
        for row in rows:
            path, revision = row["path"], row["revision"]
            if path not in self._known or self._known[path][0] != revision:
                words = self._store.read(row["words"])[0] if "words" in row else None
                self._known[path] = (revision, self._store.read(path)[0], words or {"assets": {}})
            _, shard, words = self._known[path]
            if index.is_split(shard):
                yield from self._of_rows(shard["shards"])
            for one in (shard or {}).get("assets", ()):
                (phrase,) = words["assets"].get(one["asset"], {"text": [["", 0.0]]})["text"]
                yield one["asset"], phrase[0]


def entry(asset: str, at: str) -> dict[str, Any]:
    return {"asset": asset, "captured_at": at, "state": "published", "name": "x.mp4", "key": "originals/x.mp4"}


def put(store: Store, asset: str, at: str, said: str) -> None:
    store.tree.put(at[:16], asset, lambda _: entry(asset, at), {"text": [[said, 0.0]]})


def published(limit: int, monkeypatch: pytest.MonkeyPatch, assets: dict[str, str] = ASSETS) -> Store:
    """An index of assets, whose shards may hold so many."""
    monkeypatch.setattr(index, "MAX_ASSETS", limit)
    store = Store()
    for asset, at in assets.items():
        put(store, asset, at, asset)
    return store


def deaths(store: Store, act: Callable[[Store], object]) -> Iterator[Store]:
    """Copies of a store in which an action died after its first, second… write, until it comes to its end."""
    for writes in range(1000):
        dead = Store()
        dead.documents, dead.writes = copy.copy(store.documents), writes
        try:
            act(dead)
        except Died:
            dead.writes = None
            yield dead
        else:
            assert writes > 1, "it wrote nothing"
            return


def has_read(store: Store) -> Reader:
    reader = Reader(store)
    reader.assets()
    return reader


def assert_whole(store: Store, expected: Said) -> None:
    """Readers see what is expected, in shards whose rows are theirs, and no document has more."""
    assert Reader(store).assets() == expected
    held = json.dumps([text for text, _ in store.documents.values()])
    assert {asset for asset in (*ASSETS, NEW, NEXT) if asset in held} == expected.keys()

    def check(listed: str) -> None:
        for row in store.read(listed)[0]["shards"]:
            shard, _ = store.read(row["path"])
            assert row == index.row(shard)
            if index.is_split(shard):
                check(row["path"])

    check(keys.INDEX_SHARDS)


LIMITS = pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
"""7: the next asset splits the month; fewer: it splits a part, or none."""


@LIMITS
def test_a_publication_that_died_hides_no_asset(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(limit, monkeypatch)
    before = {asset: asset for asset in ASSETS}
    count = 0
    for count, dead in enumerate(deaths(store, lambda one: put(one, NEW, NEW_AT, "new")), 1):
        seen = Reader(dead).assets()
        assert seen.pop(NEW, "new") == "new" and seen == before, f"after {count} writes"
    assert count >= 3


@LIMITS
def test_whoever_publishes_next_completes_it(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(limit, monkeypatch)
    before = has_read(store)
    after = {asset: asset for asset in ASSETS} | {NEW: "new"}
    for dead in deaths(store, lambda one: put(one, NEW, NEW_AT, "new")):
        meanwhile = has_read(dead)
        put(dead, NEW, NEW_AT, "new")
        assert_whole(dead, after)
        assert meanwhile.assets() == after, "a reader that saw what the dead one left sees the same"
        assert before.again().assets(dead) == after


@LIMITS
def test_another_publication_of_the_month_hides_nothing_and_lists_what_was_left(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = published(limit, monkeypatch)
    old = has_read(store)
    before = {asset: asset for asset in ASSETS}
    for dead in deaths(store, lambda one: put(one, NEW, NEW_AT, "new")):
        meanwhile = has_read(dead)
        put(dead, NEXT, NEXT_AT, "next")
        for seen in (meanwhile.assets(), Reader(dead).assets(), old.again().assets(dead)):
            assert seen.pop(NEW, "new") == "new" and seen == before | {NEXT: "next"}


@LIMITS
def test_an_erasure_after_a_death_leaves_no_word_of_the_asset(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(limit, monkeypatch)
    for erased, at in ASSETS.items():
        expected = {asset: asset for asset in ASSETS if asset != erased}
        for dead in deaths(store, lambda one: put(one, NEW, NEW_AT, "new")):
            dead.tree.remove(at[:16], erased)
            held = json.dumps([text for text, _ in dead.documents.values()])
            assert erased not in held
            assert {asset: said for asset, said in Reader(dead).assets().items() if asset != NEW} == expected


@LIMITS
def test_an_erasure_that_died_is_completed_by_its_repetition(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(limit, monkeypatch)
    for erased, at in ASSETS.items():
        rest = {asset: asset for asset in ASSETS if asset != erased}
        for dead in deaths(store, lambda one, at=at, erased=erased: one.tree.remove(at[:16], erased)):  # type: ignore[misc]
            seen = Reader(dead).assets()
            seen.pop(erased, "")
            assert seen == rest
            dead.tree.remove(at[:16], erased)
            assert_whole(dead, rest)


@LIMITS
def test_changed_words_arrive_although_a_run_died(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(limit, monkeypatch)
    changed, at = next(iter(ASSETS.items()))
    after = {asset: asset for asset in ASSETS} | {changed: "corrected"}
    before = has_read(store)
    for dead in deaths(store, lambda one: put(one, changed, at, "corrected")):
        meanwhile = has_read(dead)
        put(dead, changed, at, "corrected")
        assert_whole(dead, after)
        assert meanwhile.assets() == after
        assert before.again().assets(dead) == after


@LIMITS
def test_a_rebuild_that_died_is_completed_by_the_next(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = published(100, monkeypatch)
    monkeypatch.setattr(index, "MAX_ASSETS", limit)
    entries = [entry(asset, at) for asset, at in ASSETS.items()]
    words = {asset: {"text": [[asset, 0.0]]} for asset in ASSETS}

    def rebuild(one: Store, times: str = MONTH) -> None:
        own = [some for some in entries if some["captured_at"].startswith(times)]
        spoken = {some["asset"]: words[some["asset"]] for some in own}

        def with_entries(before: Any) -> Any:
            return index.shard(times, (before or {}).get("revision", 0) + 1, own)

        if not one.tree.replace(times, with_entries, lambda _: index.words_shard(times, spoken)):
            for part in index.narrower(times):
                rebuild(one, part)

    for dead in deaths(store, rebuild):
        assert Reader(dead).assets() == {asset: asset for asset in ASSETS}
        rebuild(dead)
        assert_whole(dead, {asset: asset for asset in ASSETS})
