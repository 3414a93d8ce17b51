"""Plans the processing of an original: how many frames are analysed, by which detectors, whether it is transcribed,
what is encoded, how long each step may take. The quote is made from the plan, before anything is paid."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.planning import jobs, ladder, transcription

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts


@dataclass(frozen=True)
class Look:
    """At most `max` frames, at least `interval_s` apart, for each of the detectors in `apis`."""

    interval_s: float
    max: int
    apis: tuple[str, ...]


_ALL = tuple(DETECTORS)
_ROUTINE = Look(10.0, 30, ("labels", "text"))  # hours of empty road: what passed, and its plates and signs
_CLOSE = Look(5.0, 60, _ALL)
_LOOKS = {"dashcam": _CLOSE, "phone": _CLOSE, "creator": Look(5.0, 120, _ALL)}

TRANSCRIBE_BASE_S, TRANSCRIBE_MAX_S = 900, 6 * 3600
"""Covers sound extraction and a job faster than real time of at most 4 h. There is no queue: Transcribe rejects jobs
above its limit of 250, and the state machine retries."""
TRANSCODE_BASE_S, TRANSCODE_MAX_S = 1800, 20 * 3600
"""An on-demand queue may be busy, and a 4K ladder can take twice real time. The execution itself ends after 24 h."""


@dataclass(frozen=True)
class Plan:
    """`deadlines` in whole seconds: `transcribe_s`, `transcode_s`. `job_settings` is None without renditions.
    `is_sound_left_out`: the renditions are silent, because MediaConvert cannot decode the original's sound.
    `is_mirroring_left_out`: the renditions are mirrored, because MediaConvert cannot swap left and right.
    `is_encoding_left_out`: there are no renditions, because MediaConvert cannot decode the original.
    `are_tracks_left_out`: the renditions show the first of several tracks of moving pictures."""

    look: Look
    transcribe: bool
    renditions: tuple[ladder.Rendition, ...]
    job_settings: dict[str, Any] | None
    deadlines: dict[str, int]
    is_sound_left_out: bool
    is_mirroring_left_out: bool
    is_encoding_left_out: bool
    are_tracks_left_out: bool

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON: `{frames: {interval_s, max}, analyze: {apis}, transcribe, renditions, …}`."""
        return {
            "frames": {"interval_s": self.look.interval_s, "max": self.look.max},
            "analyze": {"apis": list(self.look.apis)},
            "transcribe": self.transcribe,
            "renditions": [asdict(r) for r in self.renditions],
            "job_settings": self.job_settings,
            "deadlines": self.deadlines,
            "is_sound_left_out": self.is_sound_left_out,
            "is_mirroring_left_out": self.is_mirroring_left_out,
            "is_encoding_left_out": self.is_encoding_left_out,
            "are_tracks_left_out": self.are_tracks_left_out,
        }


def make(asset: str, facts: Facts, original: str, delivery_bucket: str, max_frames: int) -> Plan:
    """Make the plan for an original at `original` (`s3://bucket/key`). `max_frames` is the operator's limit."""
    look = _ROUTINE if facts.source == "dashcam" and facts.recording == "routine" else _LOOKS[facts.source]
    look = Look(look.interval_s, _frames(look, facts, max_frames), look.apis)
    bit_rate = facts.bytes * 8 / facts.duration_s if facts.duration_s else None
    renditions = tuple(ladder.renditions(asset, facts.source, facts, bit_rate))
    destination = f"s3://{delivery_bucket}/assets/{asset}/video"
    settings = jobs.settings(original, destination, renditions, facts) if renditions else None
    return Plan(
        look=look,
        transcribe=transcription.refusal(facts.to_dict(), speech=True) is None,
        renditions=renditions,
        job_settings=settings,
        deadlines={
            "transcribe_s": min(TRANSCRIBE_BASE_S + math.ceil(facts.duration_s), TRANSCRIBE_MAX_S),
            "transcode_s": min(TRANSCODE_BASE_S + 2 * math.ceil(facts.duration_s), TRANSCODE_MAX_S),
        },
        is_sound_left_out=facts.is_encodable and facts.has_audio and not facts.has_encodable_audio,
        is_mirroring_left_out=facts.is_mirrored and bool(renditions),
        is_encoding_left_out=not facts.is_encodable,
        are_tracks_left_out=facts.video_tracks > 1 and bool(renditions),
    )


def _frames(look: Look, facts: Facts, max_frames: int) -> int:
    if facts.kind == "audio":
        return 0
    if facts.kind == "image":
        return 1
    return min(look.max, max_frames, math.ceil(facts.duration_s / look.interval_s) + 1)
