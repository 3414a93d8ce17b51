"""Makes the index of all assets again from the catalog and the manifests, while the pipeline goes on.

The documents' versions are read before the catalog. One that has not been written since is replaced; of one that has,
the catalog is asked again where both disagree: Publish writes the catalog first, then the index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from impp_cli.archive.catalog import Catalog, plain
from impp_cli.archive.documents import Document, Documents
from impp_cli.aws import Account
from impp_cli.environments import Environment
from impp_lambdas.core import keys
from impp_lambdas.core.results import index
from impp_lambdas.core.results.index_tree import IndexTree

READERS: Final = 16
WITH_MANIFEST: Final = ("published", "partial")


@dataclass
class Rebuilt:
    """How many assets the index has of each month, and how many entries were missing, wrong, or of no asset."""

    assets: dict[str, int] = field(default_factory=dict)
    added: int = 0
    corrected: int = 0
    removed: int = 0

    def compare(self, month: str, before: Mapping[str, Document], after: Mapping[str, Document]) -> None:
        """Count the assets of a month, and how its entries differ."""
        self.assets[month] = len(after)
        self.added += len(after.keys() - before.keys())
        self.removed += len(before.keys() - after.keys())
        self.corrected += sum(before[asset] != after[asset] for asset in before.keys() & after.keys())


class _Known:
    """The index as it was before the catalog was read: entries by month, versions of shards, and revisions that the
    lists name, which a shard that has been lost must exceed."""

    def __init__(self, tree: IndexTree) -> None:
        self.entries: defaultdict[str, dict[str, Document]] = defaultdict(dict)
        self.versions: dict[str, str | None] = {}
        self.revisions: dict[str, int] = {}
        self.months: set[str] = set()
        for row, shard, version in tree.leaves():
            self.months.add(row["month"])
            self.entries[row["month"]] |= {one["asset"]: one for one in shard["assets"]}
            self.versions[row["path"]] = version
            self.revisions[row["path"]] = row["revision"]


class Rebuild:
    """A run. Its methods raise AwsError and Contended."""

    def __init__(self, environment: Environment, account: Account) -> None:
        self._account = account
        self._table = environment.output("catalog_table")
        self._catalog = Catalog(environment, account)
        self._documents = Documents(account.client("s3"), environment.output("delivery_bucket"))

    def run(self, on_progress: Callable[[str, int], None], *, dry_run: bool) -> Rebuilt:
        """Rebuild; with `dry_run`, only compare. `on_progress` gets a stage and the assets done in it."""
        with self._account.explained("s3"):
            return self._run(on_progress, dry_run=dry_run)

    def _run(self, on_progress: Callable[[str, int], None], *, dry_run: bool) -> Rebuilt:
        known = _Known(self._documents.index)
        months: defaultdict[str, dict[str, Document]] = defaultdict(dict)
        unmarked = []
        for count, item in enumerate(self._items(), start=1):
            if item.get("state") in index.STATES:
                time = index.time_of(item)
                months[time[:7]][item["asset"]] = index.entry(item)
                if item.get("indexed") != time:
                    unmarked.append((item["asset"], time))
            on_progress("catalog", count)
        words = self._words([entry for entries in months.values() for entry in entries.values()], on_progress)
        result = Rebuilt()
        for month in sorted({*months, *known.months}):
            result.compare(month, known.entries.get(month, {}), months[month])
            if not dry_run:
                self._write(month, months[month], words, known)
        if not dry_run:
            for asset, time in unmarked:
                self._mark(asset, time)
        return result

    def _items(self) -> Iterator[dict[str, Any]]:
        """Items of all assets, page by page."""
        read = TypeDeserializer().deserialize
        names = {f"#{name}": name for name in index.FIELDS}
        with self._account.explained("dynamodb"):
            pages = (
                self._account.client("dynamodb")
                .get_paginator("scan")
                .paginate(
                    TableName=self._table,
                    ConsistentRead=True,
                    FilterExpression="begins_with(pk, :asset)",
                    ProjectionExpression=", ".join(names),
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues={":asset": {"S": keys.catalog_asset("")}},
                )
            )
            for page in pages:
                for item in page["Items"]:
                    yield {name: plain(read(value)) for name, value in item.items()}

    def _words(self, entries: list[Document], on_progress: Callable[[str, int], None]) -> dict[str, Document]:
        """What was seen and said in each asset, from its manifest."""
        with_manifest = [entry["asset"] for entry in entries if entry["state"] in WITH_MANIFEST]
        words: dict[str, Document] = {}

        def read(asset: str) -> Document:
            manifest, _ = self._documents.read(keys.delivery(asset, "manifest.json"))
            return index.words_of_manifest(manifest or {})

        with ThreadPoolExecutor(READERS) as pool:
            for count, (asset, spoken) in enumerate(zip(with_manifest, pool.map(read, with_manifest), strict=True), 1):
                words[asset] = spoken
                on_progress("manifests", count)
        return words

    def _write(self, times: str, entries: Mapping[str, Document], words: Mapping[str, Document], known: _Known) -> None:
        key = keys.index_shard(times)
        shard, version = self._documents.read(key)
        is_newer = version != known.versions.get(key)
        spoken = {asset: words[asset] for asset in entries if words.get(asset)}

        def with_words(before: Any) -> Document:
            newer = (before or {}).get("assets", {}) if is_newer else {}
            return index.words_shard(times, {**spoken, **newer})

        def with_entries(before: Any) -> Document:
            current = dict(entries)
            if is_newer or before != shard:
                current = self._merged(times, entries, {one["asset"]: one for one in (before or {}).get("assets", ())})
            revision = max((before or {}).get("revision", 0), known.revisions.get(key, 0))
            return index.shard(times, revision + 1, current.values())

        if self._documents.index.replace(times, with_entries, with_words):
            return
        listed = {row["times"] for row in self._documents.read(key)[0]["shards"]}
        for part in index.narrower(times):
            own = {asset: entry for asset, entry in entries.items() if entry["captured_at"].startswith(part)}
            if own or part in listed:
                self._write(part, own, words, known)

    def _merged(
        self, times: str, scanned: Mapping[str, Document], before: Mapping[str, Document]
    ) -> dict[str, Document]:
        """Entries of a shard that has been written since the catalog was read: the catalog is asked again for each
        asset about which both disagree."""
        merged: dict[str, Document] = {}
        for asset in {*scanned, *before}:
            entry = scanned.get(asset)
            if entry != before.get(asset):
                item = self._catalog.asset(asset) or {}
                is_here = item.get("state") in index.STATES and index.time_of(item).startswith(times)
                entry = index.entry(item) if is_here else None
            if entry:
                merged[asset] = entry
        return merged

    def _mark(self, asset: str, time: str) -> None:
        """Note in the catalog where the entry is, as Publish does."""
        try:
            with self._account.explained("dynamodb"):
                self._account.client("dynamodb").update_item(
                    TableName=self._table,
                    Key={"pk": {"S": keys.catalog_asset(asset)}},
                    UpdateExpression="SET #indexed = :time",
                    ExpressionAttributeNames={"#indexed": "indexed"},  # a reserved word
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":time": {"S": time}},
                )
        except Exception as error:
            if getattr(error, "code", "") != "ConditionalCheckFailedException":  # it has been erased meanwhile
                raise
