"""Samples an original: distinct frames, poster, storyboard, and whether anybody speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from impp_lambdas.core.media import pictures, selection, speech
from impp_lambdas.core.media.recording import Recording
from impp_lambdas.core.media.stills import still
from impp_lambdas.core.media.storyboard import TILES, Storyboard, storyboard

if TYPE_CHECKING:
    from impp_lambdas.core.media.pictures import Shot

CANDIDATES_PER_FRAME = 3
"""Candidates that are decoded per frame, so that there is a choice."""
MAX_CANDIDATES = 240
"""Each candidate costs one or two ranged requests and some 150 kB of memory."""
SECOND_LOOK = 4
"""Further candidates if all are useless: a clip shorter than the interval has one, which is its first keyframe where
the clip is one GOP, and many clips open black. Four stay within
:data:`~impp_lambdas.core.media.recording.FORWARD_FRAMES` for such a clip of 10 s."""
WINDOW_S = 6.0
WINDOWS = 60
"""Up to 6 minutes the whole sound is heard; of longer recordings 60 windows of 6 s, spread evenly."""


@dataclass(frozen=True)
class Limits:
    """At most `frames` frames, candidates `interval_s` apart; `seconds_left` returns the time left for the work."""

    frames: int
    interval_s: float
    seconds_left: Callable[[], float]


@dataclass(frozen=True)
class Samples:
    """`is_complete` is False if the time ran out: there are then fewer samples, but no wrong ones."""

    frames: list[Shot]
    poster: Shot | None
    storyboard: Storyboard | None
    speech: speech.Speech
    is_complete: bool


def sample(file: IO[bytes], kind: str, duration_s: float, limits: Limits) -> Samples:
    """Sample an original of `kind` video, audio or image. `duration_s` is used if the container has no duration.

    Raises :class:`impp_lambdas.core.intake.unreadable.Unreadable` if the file does not open as media.
    """
    if kind == "image":
        shot = pictures.shot(0.0, still(file))
        return Samples([shot], shot, None, speech.Speech(0.0, 0.0), True)
    with Recording(file) as recording:
        duration = recording.duration_s or duration_s
        budget = limits.seconds_left()
        shots, has_all_shots = _shots(recording, duration, limits, lambda: limits.seconds_left() < 0.45 * budget)
        voice, has_all_sound = _listen(recording, duration, lambda: limits.seconds_left() < 0.15 * budget)
    board = storyboard(selection.evenly(shots, TILES), duration)
    frames = selection.distinct(shots, limits.frames)
    return Samples(frames, selection.best(frames), board, voice, has_all_shots and has_all_sound)


def _shots(recording: Recording, duration: float, limits: Limits, is_late: Any) -> tuple[list[Shot], bool]:
    count = min(MAX_CANDIDATES, CANDIDATES_PER_FRAME * max(limits.frames, 1))
    times = selection.candidate_times(duration, limits.interval_s, count)
    shots = _at(recording, times, is_late)
    if shots and not any(selection.is_useful(shot) for shot in shots):
        more = _at(recording, selection.candidate_times(duration, duration / SECOND_LOOK, SECOND_LOOK), is_late)
        shots = sorted({shot.t: shot for shot in [*shots, *more]}.values(), key=lambda shot: shot.t)
    return shots, not is_late()


def _at(recording: Recording, times: list[float], is_late: Any) -> list[Shot]:
    return [pictures.shot(t, image) for t, image in recording.pictures(times, is_late)]


def _listen(recording: Recording, duration: float, is_late: Any) -> tuple[speech.Speech, bool]:
    times = speech.window_times(duration, WINDOW_S, WINDOWS)
    return speech.detect(recording.sound(times, WINDOW_S, is_late)), not is_late()
