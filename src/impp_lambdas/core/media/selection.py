"""Which of the candidate frames are worth paying for: every analysed frame costs once per API."""

from __future__ import annotations

from impp_lambdas.core.media.pictures import HASH_BITS, Shot, distance

DISTINCT_BITS = 8
"""Frames whose hashes differ in fewer of 64 bits show the same scene (10 is the usual near-duplicate bound; a dash
cam's bonnet and timestamp stay the same from scene to scene, hence a little below)."""
QUIET_S = 60.0
"""A scene that does not change is looked at once a minute all the same: the hash misses a small person."""
USELESS = 0.01
"""Frames of lower quality (black, blown out, flat) are taken only where there is nothing better."""


def candidate_times(duration_s: float, interval_s: float, limit: int) -> list[float]:
    """Middles of equal slices of the running time, ``interval_s`` apart or wider, at most ``limit``; one at least."""
    count = max(1, min(limit, int(duration_s // max(interval_s, 0.1))))
    return [(k + 0.5) * duration_s / count for k in range(count)]


def distinct(shots: list[Shot], limit: int) -> list[Shot]:
    """At most ``limit`` shots in time order, each new against the others by picture or by time.

    Farthest-first: what differs most from all that is chosen comes next, so a small limit still covers the whole.
    """
    pool = [s for s in shots if s.quality >= USELESS] or shots[:1]
    if not pool or limit < 1:
        return []
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
    """The poster: the sharpest, best exposed shot; the earliest of equals."""
    return max(shots, key=lambda s: (s.quality, -s.t), default=None)


def evenly(shots: list[Shot], limit: int) -> list[Shot]:
    """At most ``limit`` shots spread evenly over all of them."""
    if len(shots) <= limit:
        return list(shots)
    return [shots[round(i * (len(shots) - 1) / (limit - 1))] for i in range(limit)]


def _gap(a: Shot, b: Shot, span: float) -> float:
    return distance(a.dhash, b.dhash) / HASH_BITS + abs(a.t - b.t) / span


def _is_new(a: Shot, b: Shot) -> bool:
    return distance(a.dhash, b.dhash) >= DISTINCT_BITS or abs(a.t - b.t) >= QUIET_S
