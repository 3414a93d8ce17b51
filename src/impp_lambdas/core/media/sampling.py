"""Samples an original in one pass: what every moment shows, pictures, storyboard, and where anybody speaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from impp_lambdas.core.media import selection, speech
from impp_lambdas.core.media.bounds import STRIDE_BYTES, WINDOWS
from impp_lambdas.core.media.looks import KEEP, Looks, worth_keeping
from impp_lambdas.core.media.recording import Recording
from impp_lambdas.core.media.stills import still_or_beginning
from impp_lambdas.core.media.storyboard import storyboard
from impp_lambdas.core.media.voice import Voice
from impp_lambdas.core.media.walk import Stretch, Walk

if TYPE_CHECKING:
    from impp_lambdas.core.media.looks import See
    from impp_lambdas.core.media.pictures import Shot
    from impp_lambdas.core.media.samples import Storyboard

CANDIDATES_PER_FRAME = 3
"""Candidates that are decoded per frame, so that there is a choice, where no detector of ours looks."""
MAX_CANDIDATES = 240
"""Each candidate costs one or two ranged requests and some 150 kB of memory."""
SECOND_LOOK = 4
"""Further candidates if all are useless: a clip shorter than the interval has one, which is its first keyframe where
the clip is one GOP, and many clips open black. Four stay within
:data:`~impp_lambdas.core.media.bounds.FORWARD_FRAMES` for such a clip of 10 s."""
WINDOW_S = 6.0
"""Length of the windows of sound that are heard of files that are not read as a whole."""


@dataclass(frozen=True)
class Limits:
    """What is sampled of a file, and how densely.

    At most `frames` distinct frames, from candidates `interval_s` apart; `seconds_left` returns the time left for the
    work. With `detectors`, names of those that `see` asks about every picture, there is one every `look_s`. `part` is
    what is sampled of a long file, from start to end in seconds.
    """

    frames: int
    interval_s: float
    seconds_left: Callable[[], float]
    look_s: float = 1.0
    detectors: Sequence[str] = ()
    see: See = lambda _: {}
    part: tuple[float, float] | None = None
    stride_bytes: int = STRIDE_BYTES


@dataclass(frozen=True)
class Samples:
    """`frames` are pictures, of which those at the times in `distinct` differ most; `rows` those of
    :class:`~impp_lambdas.core.media.looks.Looks`. `is_complete` is False if the time ran out: there are then fewer
    samples, but no wrong ones; or if a photo ends too early. `every_s` is the time between looks, longer than planned
    if the time was short."""

    frames: list[Shot]
    poster: Shot | None
    storyboard: Storyboard | None
    speech: Voice
    is_complete: bool
    distinct: frozenset[float] = frozenset()
    rows: Sequence[dict[str, Any]] = ()
    every_s: float = 0.0


@dataclass
class _Pass:
    """A pass that is under way."""

    limits: Limits
    looks: Looks
    voice: Voice = field(default_factory=Voice)
    is_complete: bool = True
    every_s: float = 0.0


def sample(file: IO[bytes], kind: str, duration_s: float, limits: Limits) -> Samples:
    """Sample an original of `kind` video, audio or image. `duration_s` is used if the container has no duration.

    Raises :class:`impp_lambdas.core.intake.unreadable.Unreadable` if the file does not open as media.
    """
    state = _Pass(limits, Looks(limits.see, limits.detectors))
    if kind == "image":
        image, state.is_complete = still_or_beginning(file)
        state.looks.add(0.0, image)
        return _samples(state, 0.0)
    size = file.seek(0, 2)
    file.seek(0)
    with Recording(file, limits.part) as recording:
        duration = recording.duration_s or duration_s
        if limits.part and duration_s:  # the open container may hold that part only
            duration = duration_s
        stretch = _stretch(limits, duration)
        if _is_walked(size, recording, duration, stretch.interval_s, limits.stride_bytes):
            _walk(state, recording, stretch)
            if not state.looks.rows:  # MPEG-2 without timestamps, edit lists before zero: a seek finds a picture
                _visit(state, recording, stretch)
        else:
            _visit(state, recording, stretch)
            _listen(state, recording, stretch)
        if not any(selection.is_useful(shot) for shot in state.looks.shots) and state.looks.shots and not limits.part:
            _look_again(state, recording, duration)
    return _samples(state, stretch.end)


def _stretch(limits: Limits, duration: float) -> Stretch:
    start, end = limits.part or (0.0, duration)
    if limits.detectors:
        return Stretch(start, end, limits.look_s)
    count = min(MAX_CANDIDATES, CANDIDATES_PER_FRAME * max(limits.frames, 1))
    return Stretch(start, end, (end - start) / len(selection.candidate_times(end - start, limits.interval_s, count)))


def _is_walked(size: int, recording: Recording, duration: float, interval_s: float, most: int) -> bool:
    """Whether it is cheaper to read everything than to seek, and possible: a track may have no decoder."""
    if recording.video is not None and recording.video.codec_context is None:
        return False
    if not recording.has_index:  # seeking reads it anyway, again and again
        return bool(duration)
    return bool(duration and interval_s) and size / duration * (interval_s if recording.has_video else 1.0) <= most


def _walk(state: _Pass, recording: Recording, stretch: Stretch) -> None:
    detector = speech.SpeechDetector()
    walk = Walk(recording, stretch, state.limits.seconds_left, detector.add)
    for t, image in walk.pictures():
        state.looks.add(t, image)
    state.voice, state.is_complete = detector.result(), walk.is_complete
    state.every_s = walk.stride * stretch.interval_s


def _visit(state: _Pass, recording: Recording, stretch: Stretch) -> None:
    """Seek from picture to picture."""
    limits, length = state.limits, stretch.end - stretch.start
    budget = limits.seconds_left()

    def is_late() -> bool:
        return limits.seconds_left() < 0.45 * budget

    times = [stretch.start + t for t in selection.candidate_times(length, stretch.interval_s, max(1, stretch.slots))]
    for t, image in recording.pictures(times, is_late):
        state.looks.add(t, image)
    state.is_complete = not is_late()
    state.every_s = stretch.interval_s


def _listen(state: _Pass, recording: Recording, stretch: Stretch) -> None:
    """Seek from window to window of sound."""
    limits, length = state.limits, stretch.end - stretch.start
    budget = limits.seconds_left()

    def is_over() -> bool:
        return limits.seconds_left() < 0.3 * budget

    windows = [stretch.start + t for t in speech.window_times(length, WINDOW_S, WINDOWS)]
    unheard = max(0.0, (length / len(windows) - WINDOW_S) / 2)
    state.voice = speech.detect(recording.sound(windows, WINDOW_S, is_over), unheard)
    state.is_complete = state.is_complete and not is_over()


def _look_again(state: _Pass, recording: Recording, duration: float) -> None:
    known = {row["t"] for row in state.looks.rows}
    more = selection.candidate_times(duration, duration / SECOND_LOOK, SECOND_LOOK)
    for t, image in recording.pictures(more, lambda: state.limits.seconds_left() < 0):
        if round(t, 3) not in known:
            state.looks.add(t, image)
    state.looks.sort()


def _samples(state: _Pass, end: float) -> Samples:
    looks, limits = state.looks, state.limits
    distinct = selection.distinct(looks.shots, limits.frames)
    frames, poster = distinct, selection.best(distinct)
    if limits.detectors:
        frames, poster = looks.shots, looks.best
        if len(frames) > KEEP:
            frames = worth_keeping(looks.rows, frames, limits.detectors, KEEP)
        frames = sorted({shot.t: shot for shot in [*frames, *distinct]}.values(), key=lambda shot: shot.t)
    return Samples(
        frames,
        poster,
        storyboard(looks.tiles, end),
        state.voice,
        state.is_complete,
        frozenset(shot.t for shot in distinct),
        looks.rows,
        state.every_s,
    )
