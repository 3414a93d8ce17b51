"""What one pass over a recording keeps of each picture that it looks at, in bounded memory.

Of every look: time, hash, quality and findings. Of some: the picture, because a detector may be asked about it or it
may be the poster. Of up to a few hundred: a tile for the storyboard.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect import cascade, tracks
from impp_lambdas.core.detect.readers import LOCAL
from impp_lambdas.core.media import pictures, selection
from impp_lambdas.core.media.storyboard import TILES, Tile, tile

if TYPE_CHECKING:
    from PIL import Image

    from impp_lambdas.core.media.pictures import Shot

KEEP = 120
"""Most pictures that are kept, as JPEGs of some 150 kB; twice as many during the pass."""
MOST_FINDINGS = (25, 12, 6, 3, 1)
"""Most findings of a detector in one look, and most boxes of a label: as many as Rekognition is asked for, and fewer
until the look has its size."""
MOST_BYTES = 8000
"""Most bytes of a look as JSON; one of a busy street has 4,200. The 1,200 looks of a part must fit into the 16 MiB of a
decoder's result."""
LONGEST_TEXT = 200
"""Longest line of text in a finding."""

Findings = Mapping[str, list[dict[str, Any]]]
See = Callable[["Image.Image"], Findings]
"""What the local detectors find in a picture."""


class Looks:
    """Collects looks. `rows` are `{t, hash, quality, <detector>: findings}`; `shots` the pictures at hand."""

    def __init__(self, see: See, detectors: Sequence[str]) -> None:
        self._see, self._detectors = see, detectors
        self.rows: list[dict[str, Any]] = []
        self.shots: list[Shot] = []
        self.best: Shot | None = None
        self._tiles: list[Tile] = []
        self._every = 1

    def add(self, t: float, image: Image.Image) -> None:
        """Look at a picture."""
        shot = pictures.shot(t, image)
        findings = _bounded(self._see(image)) if self._detectors else {}
        if len(self.rows) % self._every == 0:
            self._tiles.append(tile(shot.t, image))
            if len(self._tiles) >= 2 * TILES:
                self._tiles, self._every = self._tiles[::2], 2 * self._every
        self.rows.append({"t": shot.t, "hash": f"{shot.dhash:016x}", "quality": shot.quality, **findings})
        self.shots.append(shot)
        self.best = selection.best([shot, *([self.best] if self.best else [])])
        if len(self.shots) >= 2 * KEEP:
            self.shots = worth_keeping(self.rows, self.shots, self._detectors, KEEP)

    def sort(self) -> None:
        """Put late looks in their place."""
        self.rows.sort(key=lambda row: float(row["t"]))
        self.shots.sort(key=lambda shot: shot.t)
        self._tiles.sort(key=lambda tile: tile[0])

    @property
    def tiles(self) -> list[Tile]:
        """Evenly spread tiles, at most as many as a storyboard has."""
        return selection.evenly(self._tiles, TILES)


def worth_keeping(
    rows: Sequence[Mapping[str, Any]], shots: list[Shot], detectors: Sequence[str], most: int
) -> list[Shot]:
    """The shots that a managed service might be asked about for any reason, then the most different ones."""
    followed = tracks.follow(rows, detectors)
    candidates = [cascade.Candidate(shot.t, shot.dhash, shot.quality) for shot in shots]
    rules = cascade.Rules(("labels", "text"), frozenset(cascade.REASONS), most * 2 // 3, is_event=True)
    times = {question.t for question in cascade.choose(candidates, followed, rules)}
    times |= {shot.t for shot in selection.distinct(shots, most - len(times))}
    return [shot for shot in shots if shot.t in times]


def _bounded(findings: Findings) -> Findings:
    """The findings by detector, each with its engine: the surest ones, so few that they fit into :data:`MOST_BYTES`."""
    bounded: Findings = {}
    for most in MOST_FINDINGS:
        bounded = {name: [_finding(finding, most) for finding in _surest(findings[name], most)] for name in findings}
        if len(json.dumps(bounded)) <= MOST_BYTES:
            break
    return bounded


def _finding(finding: dict[str, Any], most: int) -> dict[str, Any]:
    bounded = {**finding, "engine": LOCAL}
    if "text" in bounded:
        bounded["text"] = bounded["text"][:LONGEST_TEXT]
    if "instances" in bounded:
        bounded["instances"] = _surest(bounded["instances"], most)
    return bounded


def _surest(findings: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The `most` findings of the highest confidence, in their order."""
    by_confidence = sorted(range(len(findings)), key=lambda n: -float(findings[n]["confidence"]))
    return [findings[n] for n in sorted(by_confidence[:most])]
