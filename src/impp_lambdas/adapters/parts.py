"""What was sampled of the parts of a long file: each part writes its share to the work bucket, Join reads all of them.

A part has three objects below `work/{asset}/parts/`: `000.json`, an index; `000.jsonl.gz`, its looks; `000.jpegs`, its
pictures and its storyboard's sprite one after the other, of which Join reads the few that it needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from impp_lambdas.adapters import decoding, looks, s3
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys
from impp_lambdas.core.media.samples import Picture, Sampled, Storyboard
from impp_lambdas.core.media.voice import Voice, merged
from impp_lambdas.core.results.reasons import explain

OBJECTS = 3
"""Objects that a part is written to."""


def write(bucket: str, asset: str, number: int, sampled: Sampled) -> None:
    """Write what was sampled of a part."""
    pack = bytearray()
    pictures = []
    for picture in sampled.pictures:
        jpeg = picture.jpeg()
        entry = {field: getattr(picture, field) for field in ("t", "width", "height", "hash", "quality", "is_distinct")}
        pictures.append({**entry, "offset": len(pack), "length": len(jpeg)})
        pack += jpeg
    board = sampled.storyboard
    sprite = None
    if board:
        size = {"times": board.times, "width": board.width, "height": board.height}
        sprite = {"offset": len(pack), "length": len(board.sprite), **size}
        pack += board.sprite
    index = {
        "pictures": pictures,
        "poster": sampled.pictures.index(sampled.poster) if sampled.poster else None,
        "sprite": sprite,
        "voice": asdict(sampled.voice),
        "incomplete": sampled.incomplete,
    }
    s3.put(bucket, Upload(_key(asset, number, "jpegs"), bytes(pack), "application/octet-stream"))
    s3.put(bucket, Upload(_key(asset, number, "jsonl.gz"), looks.pack(sampled.looks), "application/gzip"))
    s3.put_json(bucket, _key(asset, number, "json"), index)


@dataclass(frozen=True)
class Part:
    """A part that was sampled. `index` as it was written, `looks` its file of looks."""

    number: int
    index: Mapping[str, Any]
    looks: bytes


class Joint:
    """The parts of an asset that were sampled, and what is missing."""

    def __init__(self, bucket: str, asset: str, results: Sequence[Mapping[str, Any]]) -> None:
        self._bucket, self._asset, self._results = bucket, asset, results
        self.parts = [self._part(result["part"]) for result in results if result["status"] == "ok"]
        self._reads: list[int] = []  # appending is safe in several threads, adding is not

    @property
    def gets(self) -> int:
        """Requests to S3 so far."""
        return 2 * len(self.parts) + len(self._reads)

    def looks(self) -> bytes:
        """The looks of all parts as one file."""
        return b"".join(part.looks for part in self.parts)

    def sampled(self, event: Mapping[str, Any], limits: decoding.Limits) -> Sampled:
        """All parts as one sample, for `event` with `{facts, plan}`. Raises `Unreadable`."""
        pictures = [self._picture(part, entry) for part in self.parts for entry in part.index["pictures"]]
        posters = [
            self._picture(part, part.index["pictures"][part.index["poster"]])
            for part in self.parts
            if part.index["poster"] is not None
        ]
        return Sampled(
            pictures,
            max(posters, key=lambda poster: (poster.quality, -poster.t), default=None),
            self._storyboard(float(event["facts"].get("duration_s") or 0), limits),
            (),
            merged([*(Voice(**part.index["voice"]) for part in self.parts), *self._unheard(event)]),
            self._incomplete(),
        )

    def _part(self, number: int) -> Part:
        index = s3.get_json(self._bucket, _key(self._asset, number, "json"))
        seen = looks.read(self._bucket, _key(self._asset, number, "jsonl.gz"))
        return Part(number, index, seen)

    def _read(self, part: Part, entry: Mapping[str, Any]) -> bytes:
        self._reads.append(entry["length"])
        key = _key(self._asset, part.number, "jpegs")
        return s3.read_range(self._bucket, key, None, entry["offset"], entry["length"])

    def _picture(self, part: Part, entry: Mapping[str, Any]) -> Picture:
        known = {name: value for name, value in entry.items() if name not in ("offset", "length")}
        return Picture(**known, jpeg=partial(self._read, part, entry))

    def _storyboard(self, duration_s: float, limits: decoding.Limits) -> Storyboard | None:
        sprites, data = [], bytearray()
        for part in self.parts:
            if sprite := part.index["sprite"]:
                sprites.append({**sprite, "offset": len(data)})
                data += self._read(part, sprite)
        file = RangedFile(lambda first, last: bytes(data[first : last + 1]), len(data))
        request = {"sprites": sprites, "duration_s": duration_s}
        result, blobs = decoding.run("join_storyboards", request, file, limits)
        return Storyboard(**{**result["storyboard"], "sprite": blobs[0]}) if result["storyboard"] else None

    def _unheard(self, event: Mapping[str, Any]) -> Iterator[Voice]:
        """Of a part that failed nobody knows whether somebody speaks, so all of its sound is transcribed."""
        if not event["facts"].get("has_audio"):
            return
        for result in self._results:
            if result["status"] != "ok":
                start, end = event["plan"]["parts"][result["part"]]
                yield Voice(end - start, end - start, [(start, end)], min(60.0, end - start))

    def _incomplete(self) -> str | None:
        """Why there is less than planned: how many of the parts, by reason."""
        total = len(self._results)
        reasons = Counter(reason for reason in _shortcomings(self._results, self.parts) if reason)
        return "; ".join(f"{count} of {total} parts: {reason}" for reason, count in reasons.items()) or None


def _shortcomings(results: Iterable[Mapping[str, Any]], parts: Iterable[Part]) -> Iterator[str | None]:
    for result in results:
        if result["status"] != "ok":
            yield f"not sampled, {explain(result.get('error'), result.get('cause'))}"
    for part in parts:
        yield part.index["incomplete"]


def _key(asset: str, number: int, kind: str) -> str:
    return keys.work(asset, f"parts/{number:03d}.{kind}")
