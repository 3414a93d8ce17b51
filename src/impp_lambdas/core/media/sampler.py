"""The child process that samples: :mod:`.decoder` with the models, which functions that only decode go without."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any, cast

from impp_lambdas.core.media import decoder


def main(requests_fd: int, answers_fd: int) -> None:
    """Sample one file, and end."""
    decoder.main(requests_fd, answers_fd, TASKS)


def _sample(file: decoder.Served, request: Mapping[str, Any]) -> decoder.Result:
    from impp_lambdas.core.media.sampling import Limits, sample

    deadline = time.monotonic() + float(request["seconds"])
    part = request["part"]
    limits = Limits(
        int(request["frames"]),
        float(request["interval_s"]),
        lambda: deadline - time.monotonic(),
        float(request["look_s"]),
        request["detectors"],
        _see(request["detectors"]),
        (float(part[0]), float(part[1])) if part else None,
    )
    sampled = sample(cast(IO[bytes], file), request["kind"], float(request["duration_s"]), limits)
    board, poster = sampled.storyboard, sampled.poster
    shots = [*sampled.frames, *([poster] if poster and poster not in sampled.frames else [])]
    result = {
        "pictures": [
            {
                "t": shot.t,
                "width": shot.width,
                "height": shot.height,
                "hash": f"{shot.dhash:016x}",
                "quality": shot.quality,
                "is_distinct": shot.t in sampled.distinct,
            }
            for shot in shots
        ],
        "poster": shots.index(poster) if poster else None,
        "storyboard": {**asdict(board), "sprite": None} if board else None,
        "looks": sampled.rows,
        "every_s": sampled.every_s,
        "voice": asdict(sampled.speech),
        "is_complete": sampled.is_complete,
    }
    return result, [*(shot.jpeg for shot in shots), *([board.sprite] if board else [])]


def _see(detectors: Sequence[str]) -> Callable[[Any], Mapping[str, list[dict[str, Any]]]]:
    """What asks the small models about a picture; they are loaded if there is something to ask."""
    if not detectors:
        return lambda _: {}
    from impp_engines import vision

    return lambda image: vision.look(image, detectors)


TASKS: Mapping[str, decoder.Task] = {"sample": _sample}
