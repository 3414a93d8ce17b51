"""The index as a tree of documents that several writers change at the same time.

`index/shards.json` lists the months. A month's shard holds assets, or lists narrower shards once it has been split, and
so on. Each document is read, changed and written on the condition that nobody has written it meanwhile. Whether a shard
is split stands in the same document as its assets, so no writer can add an asset to one that has been split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core import contention, keys
from impp_lambdas.core.results import index

Document = Mapping[str, Any]
Change = Callable[[Any], Document]
Entry = Callable[[Document | None], Document | None]
"""An asset's entry from the one that it has; None for none."""


@dataclass(frozen=True)
class IndexTree:
    """The index in a store of JSON documents.

    `read` returns a document and its version, None for both if it does not exist. `write_if` writes one if it still has
    that version, and returns whether it did. `now` is the time in ISO 8601. Methods that write raise
    :class:`~impp_lambdas.core.contention.Contended`.
    """

    read: Callable[[str], tuple[Any, str | None]]
    write_if: Callable[[str, Document, str | None], bool]
    now: Callable[[], str]

    def shard(self, time: str) -> tuple[Document, Document]:
        """The shard that an asset of a time is in, or would be, and its words."""
        for times in index.prefixes(time):
            shard, _ = self.read(keys.index_shard(times))
            if not index.is_split(shard):
                return shard or index.shard(times, 0, ()), self.read(keys.index_words(times))[0] or {"assets": {}}
        raise LookupError(time)

    def put(self, time: str, asset: str, entry: Entry, words: Document | None = None) -> None:
        """Write the entry of an asset, and its words unless they are None. Idempotent.

        Words come first, because readers look for them when a shard has another revision: it gets one whenever words
        are given, since a writer that ended before the entry may have written them already. `entry` is asked again
        after each conflict: of two writers, the second one sees what the first one saw, or newer.
        """
        for times in index.prefixes(time):
            spoken = None
            if words is not None:
                if index.is_split(self.read(keys.index_shard(times))[0]):
                    continue
                spoken = self._put_words(times, asset, words)
            shard = self._put_entry(times, asset, entry, has_new_words=words is not None)
            if not index.is_split(shard):
                self._ascend(times, shard)
                if index.is_full(shard, spoken):
                    self._split(times)
                return
            if words:  # it has been split since its words were written
                self._put_words(times, asset, {})

    def remove(self, time: str, asset: str) -> None:
        """Remove an asset with its words. Idempotent.

        A split shard may still have words, of a writer that ended after writing them; a part of one that is not split,
        all of the asset, of a writer that ended while it split the shard, or is about to. What is written into that
        part has such a writer give up, also where there was none.
        """
        is_part_of_a_whole = False
        for times in index.prefixes(time):
            self._put_words(times, asset, {})
            after = self._put_entry(times, asset, lambda _: None)
            if is_part_of_a_whole:
                return
            if not index.is_split(after):
                self._ascend(times, after)
                is_part_of_a_whole = True

    def leaves(self, listed: str = keys.INDEX_SHARDS) -> Iterator[tuple[Document, Document, str | None]]:
        """Every shard that holds assets, newest first: its row, itself and its version. A list may name one that has
        been split since, or is lost."""
        document, _ = self.read(listed)
        for row in (document or {}).get("shards", ()):
            shard, version = self.read(row["path"])
            if index.is_split(shard):
                yield from self.leaves(row["path"])
            else:
                yield row, shard or {"assets": []}, version

    def replace(self, times: str, entries: Change, words: Change) -> bool:
        """Change all of a shard; False, and nothing, if it has been split."""
        key, spoken = keys.index_shard(times), None
        if not index.is_split(self.read(key)[0]):
            spoken = self.update(keys.index_words(times), words)
        shard = self.update(key, lambda before: before if index.is_split(before) else entries(before))
        if index.is_split(shard):
            self.update(keys.index_words(times), lambda _: index.words_shard(times, {}))
            return False
        self._ascend(times, shard)
        if index.is_full(shard, spoken):
            self._split(times)
        return True

    def _split(self, times: str) -> None:
        """Split a shard that is full. Does nothing if somebody else changes it meanwhile: the next writer tries again.

        The parts' versions are read before the shard. So nobody can write assets of an older shard into parts that are
        already in use: those have other versions by then.
        """
        paths = {part: (keys.index_shard(part), keys.index_words(part)) for part in index.narrower(times)}
        versions = {path: self.read(path)[1] for pair in paths.values() for path in pair}
        shard, version = self.read(keys.index_shard(times))
        words, _ = self.read(keys.index_words(times))
        if not shard or not index.is_full(shard, words):
            return
        parts = index.parts(shard, words)
        for part, documents in parts.items():
            for path, document in zip(paths[part], documents, strict=True):
                is_left_over = versions[path] is not None  # of a writer that ended in the middle of a split
                if (documents[0]["assets"] or is_left_over) and not self.write_if(path, document, versions[path]):
                    return
        used = {part: documents for part, documents in parts.items() if documents[0]["assets"]}
        after = index.as_split(shard, [index.row(entries) for entries, _ in used.values()])
        if not self.write_if(keys.index_shard(times), after, version):
            return
        self.update(keys.index_words(times), lambda _: index.words_shard(times, {}))
        self._ascend(times, after)
        for part, documents in used.items():
            if index.is_full(*documents):
                self._split(part)

    def update(self, key: str, change: Change) -> Document:
        """Change a document; returns what is there afterwards."""
        document: Document = contention.update(
            key, lambda: self.read(key), lambda after, version: self.write_if(key, after, version), change
        )
        return document

    def _put_words(self, times: str, asset: str, words: Document) -> Document:
        """Replace an asset's words in a shard; returns the shard's words."""
        return self.update(keys.index_words(times), lambda shard: index.with_words(shard, times, asset, words))

    def _put_entry(self, times: str, asset: str, entry: Entry, *, has_new_words: bool = False) -> Document:
        """Replace an asset's entry in a shard, unless that is split; returns the shard."""

        def change(shard: Any) -> Document:
            if index.is_split(shard):
                return dict(shard)
            new = entry(index.entry_of(shard, asset))
            return index.with_entry(shard, times, asset, new, has_new_words=has_new_words)

        return self.update(keys.index_shard(times), change)

    def _ascend(self, times: str, shard: Document) -> None:
        """Write the row of a changed shard into the list that names it, and so on up to the list of the months."""
        wider = [name for name in index.prefixes(times) if name != times]
        for path in [*map(keys.index_shard, reversed(wider)), keys.INDEX_SHARDS]:
            row = index.row(shard)
            shard = self.update(path, lambda listed, row=row: index.with_row(listed, row, self.now()))  # type: ignore[misc]
