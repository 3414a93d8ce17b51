"""From an original to what is looked at and listened for: distinct frames, poster, storyboard, speech or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from impp_lambdas.core.media import pictures, selection, speech
from impp_lambdas.core.media.recording import Recording, still
from impp_lambdas.core.media.storyboard import TILES, Storyboard, storyboard

if TYPE_CHECKING:
    from impp_lambdas.core.media.pictures import Shot

CANDIDATES_PER_FRAME = 3
"""Candidates decoded for each frame that may be kept, so that there is something to choose from."""
CANDIDATES = 240
"""Most candidates: each is one or two ranged reads and some 150 kB of memory."""
WINDOW_S = 6.0
WINDOWS = 60
"""Sound is heard in full up to 6 minutes; of longer recordings 60 windows of 6 s, spread evenly."""

Remaining = Callable[[], float]
"""Seconds left for the work."""


@dataclass(frozen=True)
class Sampled:
    """``complete`` is False where the time ran out first: the result is then thinner, not wrong."""

    frames: list[Shot]
    poster: Shot | None
    storyboard: Storyboard | None
    speech: speech.Speech
    complete: bool


def sample(file: IO[bytes], kind: str, duration_s: float, interval_s: float, limit: int, left: Remaining) -> Sampled:
    """Sample an original of ``kind`` video, audio or image. ``limit`` frames at most, candidates ``interval_s`` apart.

    Raises :class:`impp_lambdas.core.media.recording.Unreadable` where the file does not open as media.
    """
    if kind == "image":
        shot = pictures.shot(0.0, still(file))
        return Sampled([shot], shot, None, speech.Speech(0.0, 0.0), True)
    with Recording(file) as recording:
        duration = recording.duration_s or duration_s
        budget = left()
        shots, all_seen = _shots(recording, duration, interval_s, limit, lambda: left() < 0.45 * budget)
        heard, all_heard = _listen(recording, duration, lambda: left() < 0.15 * budget)
    board = storyboard(selection.evenly(shots, TILES), duration)
    frames = selection.distinct(shots, limit)
    return Sampled(frames, selection.best(frames), board, heard, all_seen and all_heard)


def _shots(recording: Recording, duration: float, interval: float, limit: int, enough: Any) -> tuple[list[Shot], bool]:
    most = min(CANDIDATES, CANDIDATES_PER_FRAME * max(limit, 1))
    times = selection.candidate_times(duration, interval, most)
    shots = [pictures.shot(t, image) for t, image in recording.pictures(times, enough)]
    return shots, not enough()


def _listen(recording: Recording, duration: float, enough: Any) -> tuple[speech.Speech, bool]:
    times = speech.window_times(duration, WINDOW_S, WINDOWS)
    return speech.detect(recording.sound(times, WINDOW_S, enough)), not enough()
