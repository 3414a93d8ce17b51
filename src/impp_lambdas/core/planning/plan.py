"""What will be done with an original: which frames are looked at, whether it is listened to, what is encoded, how long
each step may take. Made before anything is paid; the quote is made from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.planning import jobs, ladder, transcription

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

APIS = ("labels", "moderation", "text", "faces")


@dataclass(frozen=True)
class Look:
    """Frames at most ``max``, ``interval_s`` apart at least, shown to each of ``apis``."""

    interval_s: float
    max: int
    apis: tuple[str, ...]


_ROUTINE = Look(10.0, 30, ("labels", "text"))  # hours of empty road: what passed, and its plates and signs
_CLOSE = Look(5.0, 60, APIS)
_LOOKS = {"dashcam": _CLOSE, "phone": _CLOSE, "creator": Look(5.0, 120, APIS)}

TRANSCRIBE_BASE_S, TRANSCRIBE_MAX_S = 900, 6 * 3600
"""For handing over the sound, and a job faster than real time; longest file 4 h. No wait in a queue: Transcribe refuses
what is more than its 250 jobs at a time, and the state machine tries again."""
TRANSCODE_BASE_S, TRANSCODE_MAX_S = 1800, 20 * 3600
"""An on-demand queue may be busy; a 4K ladder can take twice real time. The execution itself ends after 24 h."""


@dataclass(frozen=True)
class Plan:
    """``deadlines`` in whole seconds: ``transcribe_s``, ``transcode_s``. No renditions, no ``job_settings``."""

    look: Look
    transcribe: bool
    renditions: tuple[ladder.Rendition, ...]
    job_settings: dict[str, Any] | None
    deadlines: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The plan as it travels: ``{frames: {interval_s, max}, analyze: {apis}, transcribe, renditions, …}``."""
        return {
            "frames": {"interval_s": self.look.interval_s, "max": self.look.max},
            "analyze": {"apis": list(self.look.apis)},
            "transcribe": self.transcribe,
            "renditions": [asdict(r) for r in self.renditions],
            "job_settings": self.job_settings,
            "deadlines": self.deadlines,
        }


def make(asset: str, facts: Facts, original: str, delivery_bucket: str, max_frames: int) -> Plan:
    """The plan for an original at ``original`` (``s3://bucket/key``). ``max_frames`` is the operator's own limit."""
    look = _ROUTINE if facts.source == "dashcam" and facts.recording == "routine" else _LOOKS[facts.source]
    look = Look(look.interval_s, _frames(look, facts, max_frames), look.apis)
    bit_rate = facts.bytes * 8 / facts.duration_s if facts.duration_s else None
    renditions = tuple(ladder.renditions(asset, facts.source, facts, bit_rate))
    destination = f"s3://{delivery_bucket}/assets/{asset}/video"
    settings = jobs.settings(original, destination, renditions, facts.has_audio) if renditions else None
    return Plan(
        look=look,
        transcribe=transcription.refusal(facts.to_dict(), speech=True) is None,
        renditions=renditions,
        job_settings=settings,
        deadlines={
            "transcribe_s": min(TRANSCRIBE_BASE_S + math.ceil(facts.duration_s), TRANSCRIBE_MAX_S),
            "transcode_s": min(TRANSCODE_BASE_S + 2 * math.ceil(facts.duration_s), TRANSCODE_MAX_S),
        },
    )


def _frames(look: Look, facts: Facts, max_frames: int) -> int:
    if facts.kind == "audio":
        return 0
    if facts.kind == "image":
        return 1
    return min(look.max, max_frames, math.ceil(facts.duration_s / look.interval_s) + 1)
