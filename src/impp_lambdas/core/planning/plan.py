"""Plans the processing of an original by its profile: who looks at how many frames, whether it is transcribed, what is
encoded by whom, how long each step may take. The quote is made from the plan, before anything is paid."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.planning import hls, jobs, ladder, proxy, transcription
from impp_lambdas.core.planning.profiles import Profiles

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.planning.profiles import Chosen, Profile

FEATURES = ("analyze", "hear", "transcribe", "proxy", "transcode")
"""Branches of the state machine that a build has unless it leaves them out (pyproject.toml, `[tool.impp.features]`)."""
LOCAL_DETECTORS = frozenset({"labels", "text", "faces", "moderation"})
"""Detectors that Sample runs itself. Rekognition answers for all others that should be `lambda` or `cascade`."""
IMAGE_CALL_USD = 0.001
"""Price of one call of a managed image API, as the price book has it; a test compares them."""
PHOTO_S = 60.0
"""Length of the footage that a photo counts as, for `managed_usd_per_hour`."""
PART_S = 1800.0
"""Longest part of a file that one invocation of Sample decodes."""
MOST_LOOKS = 1500
"""Most frames of a file that the models look at: Sample takes up to 0.4 s for each, and has 15 minutes."""
FEW = {"dashcam-routine": (10.0, 30), "creator": (5.0, 120)}
FEW_ELSE = (5.0, 60)
"""Seconds between frames and the most of them, by profile, where no detector of ours looks: each costs a call."""

TRANSCRIBE_BASE_S, TRANSCRIBE_MAX_S = 900, 6 * 3600
"""Covers sound extraction and a job faster than real time of at most 4 h. There is no queue: Transcribe rejects jobs
above its limit of 250, and the state machine retries."""
TRANSCODE_BASE_S, TRANSCODE_MAX_S = 1800, 20 * 3600
"""An on-demand queue may be busy, and a 4K ladder can take twice real time. The execution itself ends after 24 h."""


@dataclass(frozen=True)
class Look:
    """At most `max` frames, `interval_s` apart."""

    interval_s: float
    max: int


@dataclass(frozen=True)
class Plan:
    """`detectors` has the engine of each detector that is on. `frames` is the look at frames that managed services are
    asked about, of which `managed_calls` is the most. `parts` are `[start, end]` in seconds. `deadlines` are in whole
    seconds: `transcribe_s`, `transcode_s`. `job_settings` is None without renditions of MediaConvert.
    `is_sound_left_out`: the renditions are silent, because MediaConvert cannot decode the original's sound.
    `is_mirroring_left_out`: the renditions are mirrored, because MediaConvert cannot swap left and right.
    `is_encoding_left_out`: there are no renditions, because MediaConvert cannot decode the original.
    `are_tracks_left_out`: the renditions show the first of several tracks of moving pictures."""

    chosen: Chosen
    look: Look
    frames: Look
    detectors: Mapping[str, str]
    managed_calls: int
    speech: str
    parts: tuple[tuple[float, float], ...]
    renditions: tuple[ladder.Rendition, ...]
    on_request: tuple[str, ...]
    job_settings: dict[str, Any] | None
    deadlines: dict[str, int]
    is_sound_left_out: bool
    is_mirroring_left_out: bool
    is_encoding_left_out: bool
    are_tracks_left_out: bool

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON. `frames` and `analyze` are what the managed services are asked."""
        profile = self.chosen.profile
        return {
            "profile": self.chosen.to_dict(),
            "look": {"interval_s": self.look.interval_s, "max": self.look.max},
            "detectors": dict(self.detectors),
            "escalate": list(profile.escalate),
            "managed_calls": self.managed_calls,
            "speech": self.speech,
            "parts": [list(part) for part in self.parts],
            "renditions": [rendition.to_dict() for rendition in self.renditions],
            "on_request": list(self.on_request),
            "job_settings": self.job_settings,
            "captions": profile.captions and self.speech != "off",
            "chapters": profile.chapters and self.speech != "off",
            "keep_years": profile.keep_years,
            "deadlines": self.deadlines,
            "is_sound_left_out": self.is_sound_left_out,
            "is_mirroring_left_out": self.is_mirroring_left_out,
            "is_encoding_left_out": self.is_encoding_left_out,
            "are_tracks_left_out": self.are_tracks_left_out,
            "frames": {"interval_s": self.frames.interval_s, "max": self.frames.max},
            "analyze": {"apis": list(self.detectors)},
        }


def make(
    asset: str,
    facts: Facts,
    original: str,
    delivery_bucket: str,
    max_frames: int,
    *,
    chosen: Chosen | None = None,
    features: Collection[str] = FEATURES,
) -> Plan:
    """Make the plan for an original at `original` (`s3://bucket/key`).

    `max_frames` is the operator's limit of frames that a managed service is asked about. `chosen` is the profile, by
    default the one that its facts choose. `features` names the branches of the state machine: what a missing one
    would do is left to another engine, or out.
    """
    chosen = chosen or Profiles.of().choose(facts)
    profile = chosen.profile
    detectors = _detectors(profile) if facts.kind != "audio" else {}
    frames = _frames(chosen, facts, max_frames)
    interval_s = round(max(profile.interval_s, facts.duration_s / (MOST_LOOKS - 1)), 3)
    renditions = _renditions(asset, profile, facts, features)
    encoded = [rendition for rendition in renditions if rendition.engine == "mediaconvert"]
    return Plan(
        chosen=chosen,
        look=Look(interval_s, _looks(facts, interval_s)),
        frames=frames,
        detectors=detectors,
        managed_calls=_managed_calls(asset, profile, facts, detectors, frames.max),
        speech=_speech(profile, facts, features),
        parts=parts(facts.duration_s),
        renditions=tuple(renditions),
        on_request=profile.on_request if facts.kind == "video" else (),
        job_settings=_job(asset, original, delivery_bucket, encoded, facts),
        deadlines={
            "transcribe_s": min(TRANSCRIBE_BASE_S + math.ceil(facts.duration_s), TRANSCRIBE_MAX_S),
            "transcode_s": min(TRANSCODE_BASE_S + 2 * math.ceil(facts.duration_s), TRANSCODE_MAX_S),
        },
        is_sound_left_out=facts.is_encodable and facts.has_audio and not facts.has_encodable_audio,
        is_mirroring_left_out=facts.is_mirrored and bool(encoded),
        is_encoding_left_out=not facts.is_encodable,
        are_tracks_left_out=facts.video_tracks > 1 and bool(renditions),
    )


def parts(duration_s: float, most: float = PART_S) -> tuple[tuple[float, float], ...]:
    """Equal parts of a duration, `(start, end)` in seconds, each of at most `most`; one for a file that fits."""
    count = max(1, math.ceil(duration_s / most))
    edges = [round(duration_s * n / count, 3) for n in range(count + 1)]
    return tuple(pairwise(edges))


def calls_within(usd_per_hour: float, duration_s: float, asset: str) -> int:
    """How many calls a rate of spending allows for a duration, rounded by the content so that short clips keep the rate
    on average: one call per hour is one call for every sixtieth clip of a minute.

    `asset` is the id, hex digits of the content's SHA-256, so the same content has the same number everywhere.
    """
    calls = round(usd_per_hour * duration_s / 3600 / IMAGE_CALL_USD, 6)
    return math.floor(calls + int(asset[:12], 16) / 16**12)


def _detectors(profile: Profile) -> dict[str, str]:
    is_local = {name: name in LOCAL_DETECTORS for name in profile.detectors}
    return {
        name: "rekognition" if engine in ("lambda", "cascade") and not is_local[name] else engine
        for name, engine in profile.detectors.items()
    }


def _looks(facts: Facts, interval_s: float) -> int:
    if facts.kind == "audio":
        return 0
    return 1 if facts.kind == "image" else math.ceil(facts.duration_s / interval_s) + 1


def _frames(chosen: Chosen, facts: Facts, max_frames: int) -> Look:
    interval_s, most = FEW.get(chosen.name, FEW_ELSE)
    return Look(interval_s, min(most, max_frames, _looks(facts, interval_s)))


def _managed_calls(asset: str, profile: Profile, facts: Facts, detectors: Mapping[str, str], frames: int) -> int:
    """The most calls of managed image APIs: every frame for the engine `rekognition`, the profile's cap for the
    cascade, which asks each detector at most once per look."""
    calls = frames * sum(engine == "rekognition" for engine in detectors.values())
    cascaded = sum(engine == "cascade" for engine in detectors.values())
    if cascaded:
        seconds = PHOTO_S if facts.kind == "image" else facts.duration_s
        most = cascaded * _looks(facts, profile.interval_s)
        calls += min(calls_within(profile.managed_usd_per_hour, seconds, asset), most)
    return calls


def _speech(profile: Profile, facts: Facts, features: Collection[str]) -> str:
    """The engine that transcribes: the profile's, or the other if the build or the length does not allow it."""
    if profile.speech == "off" or not facts.has_audio or 0 < facts.duration_s < transcription.MIN_SECONDS:
        return "off"
    has_lambda = "hear" in features
    if profile.speech == "lambda" and has_lambda:
        return "lambda"
    if "transcribe" in features and transcription.refusal(facts.to_dict(), speech=True) is None:
        return "transcribe"
    return "lambda" if has_lambda else "off"


def _renditions(asset: str, profile: Profile, facts: Facts, features: Collection[str]) -> list[ladder.Rendition]:
    """What is made at once. A function makes proxies of what it encodes in its time, MediaConvert all else."""
    bit_rate = facts.bytes * 8 / facts.duration_s if facts.duration_s else None
    engines = {"proxy": "lambda"} if "proxy" in features and proxy.fits_proxy(facts) else {}
    files = ladder.renditions(asset, profile.renditions, facts, bit_rate, engines)
    tracks = hls.rungs(asset, facts) if hls.NAME in profile.renditions else []
    if "transcode" not in features:
        return [rendition for rendition in files if rendition.engine != "mediaconvert"]
    return [*files, *tracks]


def _job(
    asset: str, original: str, delivery_bucket: str, encoded: Sequence[ladder.Rendition], facts: Facts
) -> dict[str, Any] | None:
    """MediaConvert's job: single files first, then the tracks of an HLS presentation; None without either."""
    if not encoded:
        return None
    tracks = [rendition for rendition in encoded if rendition.name.startswith(hls.NAME)]
    files = [rendition for rendition in encoded if rendition not in tracks]
    settings = jobs.settings(original, f"s3://{delivery_bucket}/assets/{asset}/video", files or tracks, facts)
    if not files:
        settings["OutputGroups"] = []
    if tracks:
        settings["OutputGroups"].append(hls.group(delivery_bucket, asset, tracks, facts))
    return settings
