"""Samples originals in a child process (:mod:`.decoding`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import decoding
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import sampler
from impp_lambdas.core.media.samples import Picture, Sampled, Storyboard
from impp_lambdas.core.media.voice import Voice

if TYPE_CHECKING:
    from impp_lambdas.adapters.ranged import RangedFile

CUT_PHOTO = "its picture ends too early; the rest is shown in one colour"
NO_PICTURE = "no picture of the video could be decoded"


@dataclass(frozen=True)
class Task:
    """What is sampled: at most `frames` distinct frames from candidates `interval_s` apart, and a look by each of
    `detectors` every `look_s`; of a long file the `part` from start to end in seconds."""

    kind: str
    duration_s: float
    frames: int
    interval_s: float
    look_s: float = 1.0
    detectors: Sequence[str] = ()
    part: Sequence[float] | None = None


def sample(file: RangedFile, task: Task, limits: decoding.Limits) -> Sampled:
    """Sample an original. Raises :class:`~…core.intake.unreadable.Unreadable`.

    A file that exceeds its read budget keeps what was read until then.
    """
    result, blobs = decoding.run("sample", asdict(task), file, limits, sampler)
    try:
        return _sampled(file, task, result, blobs)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Unreadable(decoding.MALFORMED) from error


def _sampled(file: RangedFile, task: Task, result: Mapping[str, Any], blobs: Sequence[bytes]) -> Sampled:
    pictures = [
        Picture(**entry, jpeg=partial(bytes, jpeg)) for entry, jpeg in zip(result["pictures"], blobs, strict=False)
    ]
    board = result["storyboard"]
    return Sampled(
        pictures,
        pictures[result["poster"]] if result["poster"] is not None else None,
        Storyboard(**{**board, "sprite": blobs[-1]}) if board else None,
        result["looks"],
        Voice(**result["voice"]),
        _incomplete(file, task, result),
    )


def _incomplete(file: RangedFile, task: Task, result: Mapping[str, Any]) -> str | None:
    """Why there are fewer samples than planned."""
    if file.stopped:
        return f"incomplete: {file.stopped}"
    if not result["is_complete"]:
        return CUT_PHOTO if task.kind == "image" else decoding.OUT_OF_TIME
    if task.kind == "video" and not result["pictures"]:
        return NO_PICTURE
    if task.detectors and result["every_s"] > 1.5 * task.look_s:
        return f"looked at every {result['every_s']:.0f} s instead of {task.look_s:g} s, because the time was short"
    return None
