"""Writes what an asset shows to the work bucket: `{frames, tracks, summary, failed}` as JSON.

The frames of a long recording are more than fits into a function's memory. So each goes to a file as soon as it is
there; what is kept of it are the tracks and as much as the summary needs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, cast

from impp_lambdas.adapters import s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys
from impp_lambdas.core.detect import timeline, tracks
from impp_lambdas.core.detect.registry import DETECTORS

IN_MEMORY = 8 << 20
"""Bytes of a document that need no file."""


def write(
    bucket: str, key: str, frames: Iterable[timeline.Frame], failed: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], int]:
    """Write the document of `frames`, in order of time, and the calls that `failed`. Returns the summary of every
    detector and the number of tracks."""
    kept: list[timeline.Frame] = []

    def keeping() -> Iterator[timeline.Frame]:
        for frame in frames:
            kept.append(timeline.abridged(frame))
            yield frame

    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        document = cast(IO[bytes], file)
        document.write(b'{"frames":[')
        followed = tracks.follow(_listed(document, keeping()), DETECTORS)
        document.write(b'],"tracks":[')
        for _ in _listed(document, (track.to_dict() for track in followed)):
            pass
        summary = timeline.summary(kept)
        rest = {"summary": {**summary, "spans": timeline.spans(kept, summary)}, "failed": failed}
        document.write(b"]," + _json(rest)[1:])
        document.seek(0)
        s3.put(bucket, Upload(key, document, "application/json", keys.DOCUMENT_CACHE))
    return summary, len(followed)


def _listed(document: IO[bytes], entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Write the elements of an array as they pass by."""
    for number, entry in enumerate(entries):
        document.write((b"," if number else b"") + _json(entry))
        yield entry


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
