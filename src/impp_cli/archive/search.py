"""Finds assets by words and facts in the copy of the index, and says in which second each word occurs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from impp_cli.archive.index import ROWS, Entry, Index

HITS: Final = 5
"""Hits of one asset that are reported."""


@dataclass(frozen=True)
class Query:
    """What to look for. Every one of `words` must occur in an asset, at its beginning or whole. `where` are columns and
    their values; `since` and `until` are ISO 8601 in UTC, the latter exclusive."""

    words: tuple[str, ...] = ()
    where: dict[str, str] = field(default_factory=dict)
    people: bool = False
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Hit:
    """Where a word occurs: `kind` is `seen`, `read`, `said` or `fact` (its name, device, camera, state and so on)."""

    kind: str
    second: float
    text: str


@dataclass(frozen=True)
class Match:
    """An asset with the hits of the words, in order of time."""

    entry: Entry
    hits: tuple[Hit, ...]


def search(index: Index, query: Query, limit: int) -> Iterator[Match]:
    """Assets that match, newest first."""
    condition, values = _condition(query)
    sql = f"SELECT number, entry FROM assets WHERE {condition} ORDER BY captured_at DESC, asset DESC LIMIT ?"  # noqa: S608
    for number, entry in index.copy.execute(sql, (*values, limit)):
        yield Match(json.loads(entry), tuple(_hits(index, number, query.words)))


def count(index: Index, query: Query) -> int:
    """How many assets match."""
    condition, values = _condition(query)
    row = index.copy.execute(f"SELECT count(*) FROM assets WHERE {condition}", values).fetchone()  # noqa: S608
    return int(row[0])


def _condition(query: Query) -> tuple[str, list[Any]]:
    """SQL and its values; names of columns are ours."""
    terms: list[str] = ["1"]
    values: list[Any] = []
    for name, value in query.where.items():
        terms.append(f"{name} = ?")
        values.append(value)
    if query.people:
        terms.append("people")
    for comparison, moment in ((">=", query.since), ("<", query.until)):
        if moment:
            terms.append(f"captured_at {comparison} ?")
            values.append(moment)
    for word in query.words:
        terms.append("number IN (SELECT DISTINCT rowid / ? FROM words WHERE words MATCH ?)")
        values += [ROWS, _expression(word)]
    return " AND ".join(terms), values


def _hits(index: Index, number: int, words: tuple[str, ...]) -> list[Hit]:
    """The hits of an asset: one with its second is better than the asset's facts."""
    if not words:
        return []
    expression = " OR ".join(_expression(word) for word in words)
    rows = index.copy.execute(
        "SELECT kind, second, text FROM words WHERE words MATCH ? AND rowid >= ? AND rowid < ?",
        (expression, number * ROWS, (number + 1) * ROWS),
    )
    hits = [Hit(*row) for row in rows]
    timed = sorted((hit for hit in hits if hit.kind != "fact"), key=lambda hit: hit.second) or hits
    first = {(hit.kind, hit.text): hit for hit in reversed(timed)}  # what is seen again and again, the first time
    return sorted(first.values(), key=lambda hit: hit.second)[:HITS]


def _expression(word: str) -> str:
    """A word or phrase of FTS5, quoted, with the beginning of its last word being enough (SQLite, "FTS5 Prefix
    Queries")."""
    quoted = word.replace('"', '""')
    return f'"{quoted}" *'
