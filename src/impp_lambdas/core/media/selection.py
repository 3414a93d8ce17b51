"""Chooses the candidate frames that are worth paying for: every frame costs one call per detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from impp_lambdas.core.detect.novelty import DISTINCT_BITS, QUIET_S
from impp_lambdas.core.media.pictures import HASH_BITS, Shot, distance

Item = TypeVar("Item")

USELESS = 0.01
"""Frames of lower quality (black, overexposed, flat) are used only if there are no better ones."""


def candidate_times(duration_s: float, interval_s: float, limit: int) -> list[float]:
    """Middles of equal slices of the duration: one to `limit` of them, at least `interval_s` apart."""
    count = max(1, min(limit, int(duration_s // max(interval_s, 0.1))))
    return [(k + 0.5) * duration_s / count for k in range(count)]


def is_useful(shot: Shot) -> bool:
    """Whether a shot shows something: neither black, overexposed nor flat."""
    return shot.quality >= USELESS


def distinct(shots: list[Shot], limit: int) -> list[Shot]:
    """At most `limit` shots in order of time, each different from the others in picture or time.

    Farthest-first traversal: the next shot is the one that differs most from all chosen ones, so that even a small
    limit covers the whole recording.
    """
    pool = [s for s in shots if is_useful(s)] or shots[:1]
    if not pool or limit < 1:
        return []
    if limit == 1:
        return [max(pool, key=_rank)]
    span = max(pool[-1].t - pool[0].t, 1e-9)
    chosen = [pool[0]]
    nearest = [_gap(s, pool[0], span) for s in pool]
    fresh = [_is_new(s, pool[0]) for s in pool]
    while len(chosen) < limit and any(fresh):
        best = max((i for i in range(len(pool)) if fresh[i]), key=lambda i: nearest[i])
        chosen.append(pool[best])
        for i, s in enumerate(pool):
            nearest[i] = min(nearest[i], _gap(s, pool[best], span))
            fresh[i] = fresh[i] and _is_new(s, pool[best])
    return sorted(chosen, key=lambda s: s.t)


def best(shots: list[Shot]) -> Shot | None:
    """The poster: the sharpest, best exposed shot; among equals the earliest."""
    return max(shots, key=_rank, default=None)


def evenly(items: Sequence[Item], limit: int) -> list[Item]:
    """At most `limit` items (two or more), spread evenly."""
    if len(items) <= limit:
        return list(items)
    return [items[round(i * (len(items) - 1) / (limit - 1))] for i in range(limit)]


def _rank(shot: Shot) -> tuple[float, float]:
    return shot.quality, -shot.t


def _gap(a: Shot, b: Shot, span: float) -> float:
    return distance(a.dhash, b.dhash) / HASH_BITS + abs(a.t - b.t) / span


def _is_new(a: Shot, b: Shot) -> bool:
    return distance(a.dhash, b.dhash) >= DISTINCT_BITS or abs(a.t - b.t) >= QUIET_S
