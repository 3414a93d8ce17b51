"""When will the camera overwrite what is not uploaded yet?

A dash cam fills its card and then overwrites the oldest routine clip. How soon it reaches a clip that still waits is a
race of two measured rates: how fast footage is written and how fast it is uploaded. Pure; bytes and seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

DAY_S = 86_400.0
LOOK_BACK_S = 14 * DAY_S
"""The forecast extrapolates from this period: two weeks hold two weekends."""
LEAST_SPAN_S = DAY_S
"""Less than a day of history is too little for a forecast."""
LEAST_CLIPS = 10
GAP_S = 600.0
"""Clips that begin no further apart belong to one drive; no camera records longer clips by itself."""
TIGHT = 0.5
"""An upload is safe if it needs no more than this share of the time that is left."""

SAFE, TIGHT_TIME, LOST = "safe", "tight", "lost"


@dataclass(frozen=True, slots=True)
class Clip:
    """A file of the camera: ``when`` it was recorded in seconds since 1970, ``size`` in bytes; whether it still
    ``waits`` to be uploaded, is ``on_card`` (else known from the state only), and is in the ``loop`` that the camera
    overwrites: locked and event clips are not."""

    when: float
    size: int
    waits: bool = False
    on_card: bool = True
    loop: bool = True


@dataclass(frozen=True)
class Unknown:
    """No forecast is possible; ``why`` in plain words."""

    why: str


@dataclass(frozen=True)
class Forecast:
    """What happens to the clips that wait. ``verdict`` safe, tight or lost; times in seconds since 1970, rates in
    bytes per second.

    ``overwritten_at``: when the camera reaches the oldest waiting clip if nothing is sent; None if nothing waits.
    ``recording_s``: the recording time until then. ``lost_at``: when the first clip is lost although uploads go on.
    ``caught_up_at``: when everything is uploaded, footage written meanwhile included; None: never.
    """

    verdict: str
    waiting_bytes: int
    written_per_s: float
    recorded_per_s: float | None
    sent_per_s: float | None
    overwritten_at: float | None = None
    recording_s: float | None = None
    lost_at: float | None = None
    caught_up_at: float | None = None


def forecast(clips: Iterable[Clip], free: int, sent_per_s: float | None, now: float) -> Forecast | Unknown:
    """What happens to a card with these ``clips`` (in any order) and ``free`` bytes.

    ``sent_per_s`` is the upload rate averaged over day and night, None if none was measured yet: then a clip counts as
    lost when the camera reaches it.
    """
    ordered = sorted((clip for clip in clips if clip.loop), key=lambda clip: clip.when)
    waiting = sum(clip.size for clip in ordered if clip.waits)
    recent = [clip for clip in ordered if now - LOOK_BACK_S <= clip.when <= now]
    if (why := _too_little(recent, now)) is not None:
        return Unknown(why)
    written = sum(clip.size for clip in recent) / (now - recent[0].when)
    result = Forecast(SAFE, waiting, written, _recording_rate(recent), sent_per_s)
    if not waiting:
        return replace(result, caught_up_at=now)
    room = free + _before_first_waiting(ordered)
    result = replace(
        result,
        overwritten_at=now + room / written,
        recording_s=room / result.recorded_per_s if result.recorded_per_s else None,
    )
    if not sent_per_s:
        return replace(result, verdict=LOST, lost_at=result.overwritten_at)
    gain = sent_per_s - written
    caught_up = now + waiting / gain if gain > 0 else None
    need, lost = _race(ordered, free, written, sent_per_s)
    if gain <= 0 and lost is None:  # waiting clips are uploaded in time, but the backlog fills the card
        lost = room / -gain if gain < 0 else None
    verdict = LOST if lost is not None else TIGHT_TIME if need > TIGHT or gain <= 0 else SAFE
    return replace(result, verdict=verdict, lost_at=None if lost is None else now + lost, caught_up_at=caught_up)


def _too_little(recent: list[Clip], now: float) -> str | None:
    if len(recent) < LEAST_CLIPS:
        return f"{len(recent)} clips of the last {LOOK_BACK_S / DAY_S:.0f} days are too few: {LEAST_CLIPS} are needed"
    if now - recent[0].when < LEAST_SPAN_S:
        return "there is less than a day of footage to judge by"
    if not sum(clip.size for clip in recent):
        return "all clips are empty"
    return None


def _recording_rate(recent: list[Clip]) -> float | None:
    """Bytes per second while the camera records: over the gaps between clips that follow each other."""
    written = seconds = 0.0
    same = 0  # of the channels and clips that began at one time
    for one, following in pairwise(recent):
        same += one.size
        gap = following.when - one.when
        if gap <= 0:
            continue
        if gap <= GAP_S:
            written += same
            seconds += gap
        same = 0
    return written / seconds if written else None


def _before_first_waiting(ordered: list[Clip]) -> int:
    """Bytes that the camera can overwrite before it reaches a clip that waits."""
    overwritable = 0
    for clip in ordered:
        if clip.waits:
            break
        overwritable += clip.size if clip.on_card else 0
    return overwritable


def _race(ordered: list[Clip], free: int, written: float, sent: float) -> tuple[float, float | None]:
    """For the clips that wait now, sent oldest first: the largest share that one needs of the time it has, and after
    how many seconds the first one is lost, if one is."""
    need, older, queue = 0.0, free, 0
    lost: float | None = None
    for clip in ordered:
        if clip.waits:
            queue += clip.size
            time = older / written
            need = max(need, queue / sent / time if time else float("inf"))
            if queue / sent > time and lost is None:
                lost = time
        older += clip.size if clip.on_card else 0
    return need, lost
