"""`impp index rebuild`: from the catalog and the manifests, while the pipeline goes on."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.archive_account import DELIVERY, ArchiveAccount

from impp_cli.archive.rebuild import Rebuild
from impp_lambdas.core import contention, keys
from impp_lambdas.core.results import index

A, B, C, D = ("a" * 20, "b" * 20, "c" * 20, "d" * 20)
WORDS = {"speech": [[1.0, "hello"]]}


def item(asset: str, **changes: Any) -> dict[str, Any]:
    known = {"asset": asset, "state": "published", "key": f"originals/phone/mine/{asset}.mp4", "usd": 0.25}
    return {**known, "captured_at": "2026-10-17T08:00:00Z", "ledger": [], **changes}


class Bucket:
    """The delivery bucket's documents."""

    def __init__(self, account: ArchiveAccount) -> None:
        self._s3 = account.s3

    def put(self, key: str, document: Any) -> None:
        self._s3.put_object(Bucket=DELIVERY, Key=key, Body=json.dumps(document).encode())

    def get(self, key: str) -> Any:
        return json.loads(self._s3.get_object(Bucket=DELIVERY, Key=key)["Body"].read())

    def assets(self, month: str) -> dict[str, Any]:
        return {one["asset"]: one for one in self.get(keys.index_shard(month))["assets"]}


@pytest.fixture
def bucket(archive: ArchiveAccount) -> Bucket:
    """An archive whose index lacks A, has an old entry of B, and one of C, which is gone."""
    bucket = Bucket(archive)
    archive.put_item(keys.catalog_asset(A), item(A))
    archive.put_item(keys.catalog_asset(B), item(B, state="failed", reason="boom", captured_at="2026-11-01T00:00:00Z"))
    archive.put_item(keys.catalog_asset(D), item(D, state="processing"))
    archive.put_item("CLAIM#bucket/key#1", {"asset": A})
    bucket.put(keys.delivery(A, "manifest.json"), {"words": WORDS})
    shard: Any = None
    for old in (item(B, captured_at="2026-11-01T00:00:00Z"), item(C, captured_at="2026-11-02T00:00:00Z")):
        shard = index.with_entry(shard, "2026-11", old["asset"], index.entry(old))
    bucket.put(keys.index_shard("2026-11"), shard)
    bucket.put(keys.index_words("2026-11"), index.with_words(None, "2026-11", C, WORDS))
    bucket.put(keys.INDEX_SHARDS, index.with_row(None, index.row(shard), "2026-11-29T12:00:00Z"))
    return bucket


def test_the_index_is_what_catalog_and_manifests_say(archive: ArchiveAccount, bucket: Bucket) -> None:
    before = bucket.get(keys.INDEX_SHARDS)
    dry = json.loads(archive.impp("index", "rebuild", "--dry-run", "--json").output)
    assert dry["assets"] == {"2026-10": 1, "2026-11": 1} and bucket.get(keys.INDEX_SHARDS) == before
    result = archive.impp("index", "rebuild")
    assert result.exit_code == 0 and "1 added, 1 corrected, 1 removed" in result.output
    assert bucket.assets("2026-10") == {A: index.entry(item(A))}
    assert bucket.assets("2026-11")[B]["state"] == "failed" and C not in bucket.assets("2026-11")
    assert bucket.get(keys.index_words("2026-10"))["assets"] == {A: WORDS}
    assert bucket.get(keys.index_words("2026-11"))["assets"] == {}
    rows = bucket.get(keys.INDEX_SHARDS)["shards"]
    assert rows == [index.row(bucket.get(keys.index_shard(month))) for month in ("2026-11", "2026-10")]
    marked = archive.dynamodb.get_item(TableName="impp-dev-catalog", Key={"pk": {"S": keys.catalog_asset(A)}})["Item"]
    assert marked["indexed"] == {"S": "2026-10-17T08:00"}, "as Publish notes it, so that an erasure finds the entry"
    again = json.loads(archive.impp("index", "rebuild", "--json").output)
    assert (again["added"], again["corrected"], again["removed"]) == (0, 0, 0)


def test_what_is_published_and_erased_meanwhile_is_kept(
    archive: ArchiveAccount, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_words = Rebuild._words

    def publish_meanwhile(self: Rebuild, *arguments: Any) -> Any:
        """After the catalog has been read, D is published, and A erased."""
        published = item(D, captured_at="2026-11-03T00:00:00Z")
        archive.put_item(keys.catalog_asset(D), published)
        shard = index.with_entry(bucket.get(keys.index_shard("2026-11")), "2026-11", D, index.entry(published))
        bucket.put(keys.index_shard("2026-11"), shard)
        words = index.with_words(bucket.get(keys.index_words("2026-11")), "2026-11", D, WORDS)
        bucket.put(keys.index_words("2026-11"), words)
        archive.dynamodb.delete_item(TableName="impp-dev-catalog", Key={"pk": {"S": keys.catalog_asset(A)}})
        bucket.put(keys.index_shard("2026-10"), index.with_entry(None, "2026-10", A, None))
        return read_words(self, *arguments)

    monkeypatch.setattr(Rebuild, "_words", publish_meanwhile)
    result = archive.impp("index", "rebuild")
    assert result.exit_code == 0, result.output
    assert set(bucket.assets("2026-11")) == {B, D} and bucket.assets("2026-11")[B]["state"] == "failed"
    assert bucket.get(keys.index_words("2026-11"))["assets"][D] == WORDS
    assert bucket.assets("2026-10") == {}


@pytest.mark.slow
def test_a_full_month_is_split_and_a_lost_part_made_again(
    archive: ArchiveAccount, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MAX_ASSETS", 2)
    days = {f"{n:020x}": f"2026-11-{n + 1:02}T00:00:00Z" for n in range(25)}
    for asset, at in days.items():
        archive.put_item(keys.catalog_asset(asset), item(asset, captured_at=at))
    assert archive.impp("index", "rebuild").exit_code == 0
    parts = bucket.get(keys.index_shard("2026-11"))["shards"]
    assert [row["times"] for row in parts] == ["2026-11-2", "2026-11-1", "2026-11-0"]
    assert sum(row["assets"] for row in parts) == 25 + 1
    archive.s3.delete_object(Bucket=DELIVERY, Key=keys.index_shard("2026-11-2"))
    again = json.loads(archive.impp("index", "rebuild", "--json").output)
    assert (again["added"], again["corrected"], again["removed"]) == (6, 0, 0)
    hits = archive.impp("find", "--since", "2026-11-20", "--json")
    assert [one["asset"] for one in json.loads(hits.output)["matches"]] == [*reversed(days)][:6], hits.output


@pytest.mark.slow
def test_two_rebuilds_at_once_agree(archive: ArchiveAccount, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_ASSETS", 4)
    monkeypatch.setattr(contention, "PAUSE_S", 0.01)
    for n in range(12):
        asset = f"{n:020x}"
        archive.put_item(keys.catalog_asset(asset), item(asset, captured_at=f"2026-11-{n + 8:02}T00:00:00Z"))
    barrier, read_words = threading.Barrier(2), Rebuild._words

    def read_together(self: Rebuild, *arguments: Any) -> Any:
        barrier.wait(30)
        return read_words(self, *arguments)

    monkeypatch.setattr(Rebuild, "_words", read_together)
    with ThreadPoolExecutor(2) as pool:
        runs = [Rebuild(archive.environment, archive.account) for _ in range(2)]
        list(pool.map(lambda run: run.run(lambda *_: None, dry_run=False), runs))
    monkeypatch.setattr(Rebuild, "_words", read_words)
    again = json.loads(archive.impp("index", "rebuild", "--dry-run", "--json").output)
    assert (again["added"], again["corrected"], again["removed"]) == (0, 0, 0)
    assert again["assets"]["2026-11"] == 13
    assert bucket.get(keys.INDEX_SHARDS)["shards"][0]["assets"] == 13


def test_a_manifest_from_before_has_first_seconds() -> None:
    labels = [{"name": "Car", "confidence": 77.0, "first_s": 1.5, "count": 1}]
    old = {"analysis": {"labels": labels, "text": ["STOP"], "faces": 0}, "transcript": "It was"}
    words = {"labels": [["Car", 1.5, 1.5]], "text": [["STOP", 0.0]], "speech": [[0.0, "It was"]]}
    assert index.words_of_manifest(old) == words
    assert index.words_of_manifest({**old, "words": {}}) == {} == index.words_of_manifest({})
