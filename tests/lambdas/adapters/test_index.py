"""The index in S3, with many writers at a time."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.examples import examples

from impp_lambdas.adapters import aws, catalog, dynamo, index, s3
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import contention, keys
from impp_lambdas.core.money import usage
from impp_lambdas.core.results import index as documents
from impp_local.cloud import LocalCloud

MONTHS = ("2026-09", "2026-10")
WRITERS = 8


@dataclass(frozen=True)
class Archive:
    """A catalog and a delivery bucket of its own."""

    settings: Settings

    def save(self, asset: str, **values: Any) -> None:
        """An asset's item of the catalog."""
        key = f"originals/phone/mine/{asset}.mp4"
        item = {"asset": asset, "state": "published", "key": key, "usd": 0.25, **values}
        dynamo.update_item(self.settings.catalog_table, keys.catalog_asset(asset), item)

    def item(self, asset: str) -> dict[str, Any]:
        """An asset's item."""
        return dynamo.get_item(self.settings.catalog_table, keys.catalog_asset(asset)) or {}

    def read(self, key: str) -> Any:
        """A document; None if there is none."""
        return s3.find_json(self.settings.delivery_bucket, key)[0]

    def shards(self, listed: str = keys.INDEX_SHARDS) -> Iterator[tuple[Any, Any]]:
        """Every shard that holds assets, with its words, as readers reach them; each list has the rows that belong to
        what it names."""
        for row in (self.read(listed) or {"shards": []})["shards"]:
            shard = self.read(row["path"])
            assert row == documents.row(shard)
            if documents.is_split(shard):
                assert self.read(keys.index_words(row["times"]))["assets"] == {}, "nothing is left where nobody looks"
                yield from self.shards(row["path"])
            else:
                yield shard, self.read(row["words"])

    def entries(self) -> dict[str, Any]:
        """All entries of the index by asset, each of which is there once."""
        entries = [entry for shard, _ in self.shards() for entry in shard["assets"]]
        assert len({entry["asset"] for entry in entries}) == len(entries)
        return {entry["asset"]: entry for entry in entries}

    def words(self) -> dict[str, Any]:
        """All words of the index by asset."""
        return {asset: words for _, shard in self.shards() for asset, words in shard["assets"].items()}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud"), durable=False) as running:
        yield running


@pytest.fixture
def new_archive(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Archive]:
    """Makes archives; pauses between attempts are short."""
    monkeypatch.setattr(aws, "client", lambda service, **_: cloud.client(service))
    monkeypatch.setattr(contention, "PAUSE_S", 0.005)
    monkeypatch.setattr(contention, "ATTEMPTS", 100)

    def create() -> Archive:
        name = f"a{uuid.uuid4().hex[:12]}"
        cloud.client("s3").create_bucket(Bucket=name)
        cloud.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return Archive(Settings(delivery_bucket=name, catalog_table=name))

    return create


def at_once(actions: Sequence[Callable[[], None]]) -> None:
    """Run actions concurrently. Raises what one of them raises."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], None]) -> None:
        barrier.wait()
        try:
            action()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


writes = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(MONTHS), st.sampled_from(("published", "failed", "erased"))),
    max_size=6,
)


@settings(
    max_examples=examples(4),
    phases=[Phase.generate],  # threads do not repeat what they did, so a failure cannot be reduced
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(writes, min_size=WRITERS, max_size=WRITERS))
def test_concurrent_writers_lose_nothing(
    new_archive: Callable[[], Archive], monkeypatch: pytest.MonkeyPatch, plans: list[list[tuple[int, str, str]]]
) -> None:
    monkeypatch.setattr(documents, "MAX_ASSETS", 3)
    archive = new_archive()

    def write(number: int, plan: list[tuple[int, str, str]]) -> None:
        for at, month, state in plan:  # every writer has assets of its own, and adds to the same documents
            asset = f"{number * 100 + at:020x}"
            if state == "erased":
                indexed = archive.item(asset).get("indexed")
                dynamo.delete_item(archive.settings.catalog_table, keys.catalog_asset(asset))
                if indexed:
                    index.remove(archive.settings, indexed, asset)
            else:
                archive.save(asset, state=state, captured_at=f"{month}-{at + 1:02}T00:00:00Z")
                index.refresh(archive.settings, asset, {"text": [[asset, 0.0]]} if state == "published" else None)

    at_once([lambda n=number, p=plan: write(n, p) for number, plan in enumerate(plans)])
    assets = {f"{number * 100 + at:020x}" for number, plan in enumerate(plans) for at, _, _ in plan}
    expected = {asset: documents.entry(item) for asset in assets if (item := archive.item(asset))}
    assert archive.entries() == expected
    published = {asset for asset, entry in expected.items() if entry["state"] == "published"}
    assert published <= archive.words().keys() <= expected.keys()


def publish_all(archive: Archive, times: dict[str, str]) -> None:
    """Publish assets at the same time."""

    def publish(asset: str) -> None:
        archive.save(asset, captured_at=times[asset])
        index.refresh(archive.settings, asset, {"text": [[asset, 0.0]]})

    at_once([lambda asset=asset: publish(asset) for asset in times])


def test_a_writer_that_ends_in_the_middle_of_a_split_leaves_it_to_the_next(
    new_archive: Callable[[], Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_ASSETS", 2)
    archive, write = new_archive(), s3.put_json_if
    times = {f"{n:020x}": f"2026-09-{n}1T00:00:00Z" for n in range(4)}

    class EndedError(Exception):
        pass

    def end(bucket: str, key: str, document: Any, etag: str | None) -> bool:
        if documents.is_split(document) and key != keys.INDEX_SHARDS:
            raise EndedError
        return write(bucket, key, document, etag)

    monkeypatch.setattr(s3, "put_json_if", end)
    for asset, at in list(times.items())[:2]:
        publish_all(archive, {asset: at})
    with pytest.raises(EndedError):
        publish_all(archive, {"2".zfill(20): times["2".zfill(20)]})
    monkeypatch.setattr(s3, "put_json_if", write)
    dynamo.delete_item(archive.settings.catalog_table, keys.catalog_asset("0" * 20))
    index.remove(archive.settings, times["0" * 20][:16], "0" * 20)  # whose part has been written already
    publish_all(archive, {"3".zfill(20): times["3".zfill(20)]})
    assert set(archive.entries()) == {f"{n:020x}" for n in (1, 2, 3)}
    assert set(archive.words()) == set(archive.entries())


def test_words_that_change_alone_are_announced_by_a_new_revision(new_archive: Callable[[], Archive]) -> None:
    archive, asset = new_archive(), "e" * 20
    archive.save(asset, captured_at="2026-09-01T00:00:00Z")
    index.refresh(archive.settings, asset, {"text": [["STOP", 0.0]]})
    index.refresh(archive.settings, asset, {"text": [["GO", 0.0]]})
    assert archive.read(keys.INDEX_SHARDS)["shards"][0]["revision"] == 2


def test_a_slow_writer_does_not_bring_an_older_state_back(
    new_archive: Callable[[], Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, asset = new_archive(), "a" * 20
    archive.save(asset, state="failed", captured_at="2026-10-01T00:00:00Z")
    read, reads = catalog.asset, iter(range(100))

    def read_slowly(table: str, name: str) -> Any:
        """Another execution ends between the first reading of the item and everything after it."""
        item = read(table, name)
        if next(reads) == 0:
            archive.save(asset, state="published", captured_at="2026-10-01T00:00:00Z")
            index.refresh(archive.settings, asset)
        return item

    monkeypatch.setattr(catalog, "asset", read_slowly)
    index.refresh(archive.settings, asset)
    assert [one["state"] for one in archive.read(keys.index_shard("2026-10"))["assets"]] == ["published"]


def test_a_corrected_time_of_capture_moves_the_entry_and_a_replay_keeps_it(new_archive: Callable[[], Archive]) -> None:
    archive, asset = new_archive(), "b" * 20
    archive.save(asset, captured_at="2026-09-01T00:00:00Z")
    index.refresh(archive.settings, asset, {"speech": [[1.0, "hello"]]})
    archive.save(asset, state="processing", captured_at="2026-09-01T00:00:00Z")
    index.refresh(archive.settings, asset)
    assert len(archive.read(keys.index_shard("2026-09"))["assets"]) == 1
    archive.save(asset, captured_at="2026-10-01T00:00:00Z")
    index.refresh(archive.settings, asset, {"speech": [[1.0, "hello"]]})
    assert archive.read(keys.index_shard("2026-09"))["assets"] == []
    assert archive.read(keys.index_words("2026-09"))["assets"] == {}
    assert archive.read(keys.index_words("2026-10"))["assets"] == {asset: {"speech": [[1.0, "hello"]]}}
    assert [row["assets"] for row in archive.read(keys.INDEX_SHARDS)["shards"]] == [1, 0]
    index.refresh(archive.settings, asset)  # such as after a rendition on request
    assert archive.read(keys.index_words("2026-10"))["assets"] == {asset: {"speech": [[1.0, "hello"]]}}
    archive.save(asset, captured_at="2026-11-01T00:00:00Z")
    index.refresh(archive.settings, asset)
    assert archive.read(keys.index_words("2026-11"))["assets"] == {}, "readers expect every shard to have its words"


def test_the_ledger_counts_the_requests_of_an_entry(
    new_archive: Callable[[], Archive], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, counted = new_archive(), Counter[str]()
    for asset in ("a" * 20, "b" * 20):
        archive.save(asset, captured_at="2026-09-01T00:00:00Z")
    index.refresh(archive.settings, "a" * 20, {"text": [["STOP", 0.0]]})  # the month exists from here on

    def count(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    events = cloud.client("s3").meta.events
    events.register("before-call", count)
    index.refresh(archive.settings, "b" * 20, {"text": [["STOP", 0.0]]})
    events.unregister("before-call", count)
    assert counted == {"GetObject": usage.INDEX_GETS, "PutObject": usage.INDEX_PUTS}


def test_an_unchanged_entry_is_not_written_again(new_archive: Callable[[], Archive]) -> None:
    archive, asset = new_archive(), "c" * 20
    archive.save(asset, captured_at="2026-09-01T00:00:00Z")
    index.refresh(archive.settings, asset, {})
    before = [s3.find_json(archive.settings.delivery_bucket, key) for key in (keys.INDEX_SHARDS, "index/2026/09.json")]
    index.refresh(archive.settings, asset)
    after = [s3.find_json(archive.settings.delivery_bucket, key) for key in (keys.INDEX_SHARDS, "index/2026/09.json")]
    assert before == after


def test_a_writer_that_never_gets_its_turn_says_so(
    new_archive: Callable[[], Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, asset = new_archive(), "d" * 20
    archive.save(asset, captured_at="2026-09-01T00:00:00Z")
    monkeypatch.setattr(contention, "ATTEMPTS", 2)
    monkeypatch.setattr(s3, "put_json_if", lambda *_: False)
    with pytest.raises(dynamo.Contended, match="2026/09"):
        index.refresh(archive.settings, asset)


def test_conditions_hold_as_s3_documents_them(new_archive: Callable[[], Archive]) -> None:
    bucket, key = new_archive().settings.delivery_bucket, "index/x.json"
    assert s3.find_json(bucket, key) == (None, None)
    assert not s3.put_json_if(bucket, key, {}, '"0123456789abcdef0123456789abcdef"')
    assert s3.put_json_if(bucket, key, {"n": 1}, None)
    assert not s3.put_json_if(bucket, key, {"n": 2}, None)
    document, etag = s3.find_json(bucket, key)
    assert document == {"n": 1}
    assert s3.put_json_if(bucket, key, {"n": 2}, etag) and not s3.put_json_if(bucket, key, {"n": 3}, etag)
    response = aws.client("s3").get_object(Bucket=bucket, Key=key)
    assert (response["CacheControl"], response["ContentType"]) == (keys.DOCUMENT_CACHE, "application/json")
    assert response["Body"].read() == b'{"n":2}'
