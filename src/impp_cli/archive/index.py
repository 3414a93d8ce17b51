"""The index of all assets (docs/reference/contracts.md, "Index"), kept on this machine for fast searches.

A copy in SQLite below `$XDG_CACHE_HOME/impp` holds what the documents in the delivery bucket say. It asks for the list
of the months at most once a minute, with the ETag of the one that it has, and then for the shards that have changed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from impp_cli.environments import Environment, index_copy

if TYPE_CHECKING:  # a search of a fresh copy needs no connection, and boto3 takes a third of a second
    from impp_cli.aws import Account

SHARDS: Final = "index/shards.json"
FRESH_S: Final = 60.0
"""Seconds for which a copy is taken as it is: commands in a row cost no request."""

ROWS: Final = 1 << 13
"""Rows of `words` per asset: an asset's are numbered from its own number times this. The index has at most 4,300."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value);
CREATE TABLE IF NOT EXISTS shards (path TEXT PRIMARY KEY, revision INTEGER);
CREATE TABLE IF NOT EXISTS assets (
  number INTEGER PRIMARY KEY, asset TEXT UNIQUE, shard TEXT, captured_at TEXT, state TEXT, source TEXT, device TEXT,
  camera TEXT, recording TEXT, profile TEXT, people INTEGER, key TEXT, name TEXT, bytes INTEGER, entry TEXT, words TEXT
);
CREATE INDEX IF NOT EXISTS by_time ON assets (captured_at);
CREATE INDEX IF NOT EXISTS by_shard ON assets (shard);
CREATE INDEX IF NOT EXISTS by_key ON assets (key);
CREATE INDEX IF NOT EXISTS by_name ON assets (name);
CREATE INDEX IF NOT EXISTS by_size ON assets (bytes);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
  text, kind UNINDEXED, second UNINDEXED, tokenize = 'unicode61 remove_diacritics 2', detail = full
);
"""
VERSION: Final = 3
"""Of the schema; a copy of another version is made again."""

COLUMNS: Final = ("captured_at", "state", "source", "device", "camera", "recording", "profile", "key", "name", "bytes")

READERS: Final = 8
"""Shards that are downloaded at a time."""

Entry = Mapping[str, Any]
Row = Mapping[str, Any]
Shard = tuple[str, int, Iterable[Entry], Mapping[str, Any]]


class Index:
    """The index of an environment. `connect` gives the account when documents are needed."""

    def __init__(
        self, environment: Environment, connect: Callable[[], Account], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._bucket = environment.output("delivery_bucket")
        self._connect = connect
        self.copy = _open(index_copy(environment.name, environ))

    def refresh(self, *, now: float | None = None) -> None:
        """Bring the copy up to date, unless that was done within the last minute. Raises AwsError."""
        now = time.time() if now is None else now
        if 0 <= now - self.checked_at < FRESH_S:
            return
        document, etag = self._get(SHARDS, self._about("etag"))
        with self.copy:
            if document is not None:
                self._take_shards(document["shards"])
            self.copy.executemany(
                "INSERT OR REPLACE INTO about VALUES (?, ?)", [("checked_at", now), ("etag", etag or "")]
            )

    @property
    def checked_at(self) -> float:
        """When the copy was last brought up to date, in Unix seconds; 0 for never."""
        return float(self._about("checked_at") or 0)

    def _about(self, name: str) -> Any:
        row = self.copy.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def entry(self, asset: str) -> Entry | None:
        """The entry of an asset."""
        row = self.copy.execute("SELECT entry FROM assets WHERE asset = ?", (asset,)).fetchone()
        return json.loads(row[0]) if row else None

    def words(self, asset: str) -> dict[str, Any]:
        """What was seen, read and said in an asset."""
        row = self.copy.execute("SELECT words FROM assets WHERE asset = ?", (asset,)).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def entries(self) -> Iterator[Entry]:
        """All entries, newest first."""
        for (text,) in self.copy.execute("SELECT entry FROM assets ORDER BY captured_at DESC, asset DESC"):
            yield json.loads(text)

    def with_prefix(self, prefix: str, limit: int) -> list[str]:
        """Ids that begin with some hex digits."""
        bounds = (prefix, prefix + "g", limit)
        rows = self.copy.execute("SELECT asset FROM assets WHERE asset >= ? AND asset < ? LIMIT ?", bounds)
        return [asset for (asset,) in rows]

    def with_key(self, key: str) -> str | None:
        """The asset of an original's key."""
        row = self.copy.execute("SELECT asset FROM assets WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def with_name(self, name: str, limit: int) -> list[str]:
        """The assets of a file name, newest first."""
        sql = "SELECT asset FROM assets WHERE name = ? ORDER BY captured_at DESC LIMIT ?"
        return [asset for (asset,) in self.copy.execute(sql, (name, limit))]

    def with_size(self, size: int, limit: int) -> list[str]:
        """Assets whose original has so many bytes."""
        rows = self.copy.execute("SELECT asset FROM assets WHERE bytes = ? LIMIT ?", (size, limit))
        return [asset for (asset,) in rows]

    # --- the copy -----------------------------------------------------------------------------------------------------

    def _take_shards(self, rows: list[Row]) -> None:
        known = dict(self.copy.execute("SELECT path, revision FROM shards"))
        unchanged: set[str] = set()
        with ThreadPoolExecutor(READERS) as pool:
            for path, revision, entries, words in self._changed(rows, known, unchanged, pool):
                self._take(path, entries, words)
                self.copy.execute("INSERT OR REPLACE INTO shards VALUES (?, ?)", (path, revision))
                unchanged.add(path)
        for path in known.keys() - unchanged:
            self._take(path, [], {})
            self.copy.execute("DELETE FROM shards WHERE path = ?", (path,))

    def _changed(
        self, rows: list[Row], known: Mapping[str, int], unchanged: set[str], pool: Executor
    ) -> Iterator[Shard]:
        """Shards that have changed, also below those that list others: path, revision, entries and words. The others'
        paths are added to `unchanged`."""
        changed = []
        for row in rows:
            if known.get(row["path"]) == row["revision"]:
                unchanged.update(path for path in known if _is_below(path, row["path"]))
            else:
                changed.append(row)
        for row, documents in zip(changed, pool.map(self._load, changed), strict=True):
            shard, words = documents
            yield row["path"], row["revision"], shard.get("assets", ()), words["assets"]
            yield from self._changed(shard.get("shards", []), known, unchanged, pool)

    def _load(self, row: Row) -> tuple[Any, Any]:
        names = ("path", "words") if row["assets"] else ()  # one that has lost all of its assets costs no request
        shard, words = (
            self._get(row[name])[0] if name in names and name in row else None for name in ("path", "words")
        )
        return shard or {"assets": []}, words or {"assets": {}}

    def _take(self, path: str, entries: Iterable[Entry], words: Mapping[str, Any]) -> None:
        """Replace the assets of a shard: those that have changed."""
        known = {
            asset: (number, entry, spoken)
            for asset, number, entry, spoken in self.copy.execute(
                "SELECT asset, number, entry, words FROM assets WHERE shard = ?", (path,)
            )
        }
        for entry in entries:
            asset = entry["asset"]
            texts = (json.dumps(entry), json.dumps(words.get(asset) or {}))
            number, *before = known.pop(asset, (None,))
            if tuple(before) != texts:
                self._put(path, entry, *texts, number)
        for number, *_ in known.values():
            self._delete(number)

    def _put(self, path: str, entry: Entry, text: str, words: str, number: int | None) -> None:
        if number is None:  # it may come from another shard
            row = self.copy.execute("SELECT number FROM assets WHERE asset = ?", (entry["asset"],)).fetchone()
            number = row[0] if row else None
        if number is not None:
            self._delete(number)
        columns = [
            entry["asset"],
            path,
            *(entry.get(name) for name in COLUMNS),
            bool(entry.get("people")),
            text,
            words,
        ]
        names = ", ".join(("asset", "shard", *COLUMNS, "people", "entry", "words"))
        marks = ", ".join("?" * len(columns))
        cursor = self.copy.execute(f"INSERT INTO assets ({names}) VALUES ({marks})", columns)  # noqa: S608  # no input
        start = int(cursor.lastrowid or 0) * ROWS
        rows = list(_rows(entry, json.loads(words)))[:ROWS]
        self.copy.executemany(
            "INSERT INTO words (rowid, text, kind, second) VALUES (?, ?, ?, ?)",
            [(start + at, *row) for at, row in enumerate(rows)],
        )

    def _delete(self, number: int) -> None:
        self.copy.execute("DELETE FROM words WHERE rowid >= ? AND rowid < ?", (number * ROWS, (number + 1) * ROWS))
        self.copy.execute("DELETE FROM assets WHERE number = ?", (number,))

    def _get(self, key: str, etag: str | None = None) -> tuple[Any, str | None]:
        """A document and its ETag; None instead of one that has the ETag still, or that does not exist."""
        from botocore.exceptions import ClientError

        account = self._connect()
        client = account.client("s3")
        condition = {"IfNoneMatch": etag} if etag else {}
        with account.explained("s3"):
            try:
                response = client.get_object(Bucket=self._bucket, Key=key, **condition)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "304":
                    return None, etag
                if code == "NoSuchKey":  # nothing has been processed yet
                    return {"shards": []} if key == SHARDS else None, None
                raise
            return json.loads(response["Body"].read()), str(response["ETag"])


def _is_below(path: str, above: str) -> bool:
    """Whether the shard of a path is that of another, or one of its parts."""
    return path == above or path.startswith(above.removesuffix(".json"))


def _rows(entry: Entry, words: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """What can be searched for: text, kind and second."""
    facts = [entry.get(name) for name in ("name", "captured_at", "source", "device", "camera", "recording", "profile")]
    facts += [entry["state"], entry.get("kind"), entry["asset"]]
    yield " ".join(str(fact) for fact in facts if fact), "fact", 0.0
    seen = {str(name) for name, *_ in words.get("labels", ())}
    yield from ((str(name), "seen", float(first)) for name, first, *_ in words.get("labels", ()))
    yield from ((str(label), "seen", 0.0) for label in entry.get("labels", ()) if label not in seen)
    yield from ((str(text), "read", float(second)) for text, second in words.get("text", ()))
    yield from ((str(phrase), "said", float(second)) for second, phrase in words.get("speech", ()))


def _open(path: Path) -> sqlite3.Connection:
    """The copy, for this user alone: it has what was said in private."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _connected(path)
    except sqlite3.DatabaseError:  # damaged, or no database: it can be made again
        for old in path.parent.glob(f"{path.name}*"):
            with suppress(FileNotFoundError):
                old.unlink()
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    copy = sqlite3.connect(path, timeout=30)
    copy.execute("PRAGMA journal_mode = WAL")
    copy.execute("PRAGMA synchronous = OFF")
    if copy.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        tables = ("about", "months", "shards", "assets", "words")
        copy.executescript("".join(f"DROP TABLE IF EXISTS {name};" for name in tables) + SCHEMA)
        copy.execute(f"PRAGMA user_version = {VERSION}")
    return copy
