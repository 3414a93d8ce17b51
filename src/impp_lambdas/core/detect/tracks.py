"""Joins what neighbouring looks show into tracks: the same object, line of text, face or scene, from when to when.

A look is a frame of a timeline, `{t, <detector>: findings}`, with findings as in :mod:`.readers`. Looks are about a
second apart, so an object may have moved by more than its own size: a match needs the same name, and boxes that overlap
or whose centres are near in relation to their size, where the object was last seen or where its speed takes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect.readers import LOCAL

if TYPE_CHECKING:
    from impp_lambdas.core.detect.readers import Finding

GAP_LOOKS = 2
"""A track survives so many looks of its detector in a row that miss it: small detectors lose an object for a moment."""
NEAR = 1.5
"""Farthest move between two looks, in sizes of the object (root of its box's area): a person walks 1.4 m a second and
measures about 1 m so; an approaching car moves less than its size. Each missed look adds as much."""
LIKE = 3.0
"""Most that the area of a box changes between two looks, as a factor."""
MISREAD = 0.3
"""Share of the letters in which two readings of one line may differ. A burned-in clock changes one or two of twenty."""
FACE = "Face"
"""The name of every face: nobody is recognised."""

Box = Sequence[float]
Look = Mapping[str, Any]


@dataclass(frozen=True, slots=True)  # twelve hours have hundreds of thousands
class Sighting:
    """A detector's finding in one look; `box` is `[left, top, width, height]` in shares of the picture, or None."""

    t: float
    name: str
    confidence: float
    box: Box | None
    engine: str

    @property
    def area(self) -> float:
        """Share of the picture, 0 without a box."""
        return self.box[2] * self.box[3] if self.box else 0.0

    @property
    def rank(self) -> tuple[bool, float, float, float]:
        """A managed service's answer counts more than a local one; then confidence, size, and the earlier look."""
        return self.engine != LOCAL, self.confidence, self.area, -self.t


@dataclass
class Track:
    """Sightings of one thing, in order of time, at least one. It is known by the `best` one: its name, box, confidence,
    engine."""

    detector: str
    sightings: list[Sighting]
    missed: int = field(default=0, compare=False)
    best: Sighting = field(init=False, compare=False)

    def __post_init__(self) -> None:
        self.best = max(self.sightings, key=lambda sighting: sighting.rank)

    def add(self, sighting: Sighting) -> None:
        """The thing is seen once more. The best sighting is kept up to date, because a road is seen for hours."""
        self.sightings.append(sighting)
        self.best = max(self.best, sighting, key=lambda sighting: sighting.rank)

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self.sightings[-1]

    @property
    def times(self) -> list[float]:
        """When it was seen."""
        return [sighting.t for sighting in self.sightings]

    def to_dict(self) -> dict[str, Any]:
        """`{detector, name, engine, first_s, last_s, best_s, box, confidence, count}`."""
        best = self.best
        return {
            "detector": self.detector,
            "name": best.name,
            "engine": best.engine,
            "first_s": self.sightings[0].t,
            "last_s": self.last.t,
            "best_s": best.t,
            "box": list(best.box) if best.box else None,
            "confidence": best.confidence,
            "count": len(self.sightings),
        }


def follow(looks: Iterable[Look], detectors: Iterable[str]) -> list[Track]:
    """The tracks of looks in order of time, by their beginning. A look without a detector's field is no gap in it."""
    names = list(detectors)
    live: dict[str, list[Track]] = {name: [] for name in names}
    ended: list[Track] = []
    for look in looks:
        for name in names:
            if name not in look:
                continue
            tracks = live[name]
            seen = list(sightings(look, name))
            for track, sighting in _pairs(tracks, seen):
                track.add(sighting)
                track.missed = -1
                seen.remove(sighting)
            for track in tracks:
                track.missed += 1
            ended += [track for track in tracks if track.missed > GAP_LOOKS]
            live[name] = [track for track in tracks if track.missed <= GAP_LOOKS]
            live[name] += [Track(name, [sighting]) for sighting in seen]
    everything = [*ended, *(track for tracks in live.values() for track in tracks)]
    return sorted(everything, key=lambda track: (track.sightings[0].t, names.index(track.detector), track.best.name))


def sightings(look: Look, detector: str) -> Iterator[Sighting]:
    """What a detector has seen in a look: one sighting per box, or one per name without a box."""
    for finding in look[detector]:
        yield from _sightings(float(look["t"]), detector, finding)


def _sightings(t: float, detector: str, finding: Finding) -> Iterator[Sighting]:
    engine = finding.get("engine", LOCAL)
    boxes = [instance for instance in finding.get("instances", ()) if instance.get("box")]
    for instance in boxes:
        yield Sighting(t, finding["name"], instance["confidence"], instance["box"], engine)
    if not boxes:
        name = finding.get("name") or finding.get("text") or (FACE if detector == "faces" else detector)
        yield Sighting(t, name, finding["confidence"], finding.get("box"), engine)


def _pairs(tracks: Sequence[Track], seen: Sequence[Sighting]) -> list[tuple[Track, Sighting]]:
    """Which sighting continues which track: the best match first, each once."""
    scores = [
        (score, -i, -j)
        for i, track in enumerate(tracks)
        for j, sighting in enumerate(seen)
        if (score := _match(track, sighting)) is not None
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(scores, reverse=True):
        if -i not in pairs and -j not in taken:
            pairs[-i] = -j
            taken.add(-j)
    return [(tracks[i], seen[j]) for i, j in pairs.items()]


def _match(track: Track, sighting: Sighting) -> float | None:
    """How well a sighting continues a track, the higher the better; None if it does not."""
    if track.detector == "text":
        return _reading(track, sighting)
    if track.last.name != sighting.name:
        return None
    if not track.last.box or not sighting.box:  # "Road", or the first answer with a box
        return 0.0
    return _place(track, sighting)


def _reading(track: Track, sighting: Sighting) -> float | None:
    """Text matches by its letters, which survive a moving camera; the place decides between equal lines."""
    length = max(len(track.last.name), len(sighting.name))
    allowed = int(length * MISREAD)
    errors = edits(track.last.name.casefold(), sighting.name.casefold(), allowed)
    if errors > allowed:
        return None
    place = _place(track, sighting) if track.last.box and sighting.box else 0.0
    if place is None:
        return -1.0 if errors == 0 else None
    return place - errors / max(length, 1)


def _place(track: Track, sighting: Sighting) -> float | None:
    """Overlap plus nearness of the boxes, None if they are too far apart or too different in size."""
    last, now = track.last.box, sighting.box
    assert last and now
    area, before = max(sighting.area, 1e-9), max(track.last.area, 1e-9)
    if not 1 / LIKE <= area / before <= LIKE:
        return None
    reach = NEAR * math.sqrt((area * before) ** 0.5) * (1 + track.missed)
    x, y = _centre(now)
    away = min(math.hypot(x - px, y - py) for px, py in _expected(track, sighting.t))
    shared = overlap(last, now)
    if shared <= 0 and away > reach:
        return None
    return shared + max(0.0, 1 - away / reach)


def _expected(track: Track, t: float) -> list[tuple[float, float]]:
    """Where the object may be: where it was, and where it would be at its last speed."""
    last = track.last
    assert last.box
    x, y = _centre(last.box)
    previous = track.sightings[-2] if len(track.sightings) > 1 else None
    if not previous or not previous.box or last.t <= previous.t:
        return [(x, y)]
    px, py = _centre(previous.box)
    share = (t - last.t) / (last.t - previous.t)
    return [(x, y), (x + (x - px) * share, y + (y - py) * share)]


def _centre(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (a[2] * a[3] + b[2] * b[3] - wide * high)


def edits(a: str, b: str, most: int) -> int:
    """Levenshtein's distance of two lines, or `most + 1` if it is larger."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != other))
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
