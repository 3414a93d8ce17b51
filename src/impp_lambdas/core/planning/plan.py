"""Plans the processing of an original by its profile: who looks at how many frames, whether it is transcribed, what is
encoded by whom, how long each step may take. The quote is made from the plan, before anything is paid."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect import custom, video
from impp_lambdas.core.detect.registry import DETECTORS, LOCAL_ENGINES
from impp_lambdas.core.planning import encoding, hls, ladder, look_time, proxy, transcription
from impp_lambdas.core.planning.profiles import Profiles

if TYPE_CHECKING:
    from impp_lambdas.core.detect.custom import CustomDetector
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.planning.profiles import Profile, ProfileChoice

FEATURES = ("analyze", "hear", "transcribe", "proxy", "transcode")
"""Branches of the state machine that a build has unless it leaves them out (pyproject.toml, `[tool.impp.features]`)."""
IMAGE_CALL_USD = 0.001
"""Price of one call of a managed image API, as the price book has it; a test compares them."""
PHOTO_S = 60.0
"""Length of the footage that a photo counts as, for `managed_usd_per_hour`."""
PART_S = 1800.0
"""Longest part of a file that one invocation of Sample decodes."""
MOST_LOOKS = 1200
"""Most frames of a part that the models look at: what they see of a busy street in 1,200 looks is 5 MB."""
PART_BUSY_S = 600.0
"""What a part takes by the estimate, at most, of the 15 minutes of a function."""
MOST_PARTS = 100
"""Most parts of a file. Their list travels through the state machine, and each is a transition. The models look less
often at a file of more than 33 hours, or half as many with two looks per second."""

TRANSCRIBE_BASE_S, TRANSCRIBE_MAX_S = 900, 6 * 3600
"""Covers sound extraction and a job faster than real time of at most 4 h. There is no queue: Transcribe rejects jobs
above its limit of 250, and the state machine retries."""
VIDEO_BASE_S, VIDEO_MAX_S = 1800, 8 * 3600
"""Covers jobs that wait for others, and an analysis no slower than real time of at most 6 h."""
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
    asked about, of which `managed_calls` is the most; the user's own detectors in `custom`
    look at them as well. `parts` are `[start, end]` in seconds. `deadlines` are in whole
    seconds: `transcribe_s`, `video_s`, `transcode_s`. `job_settings` is None without renditions of MediaConvert.
    `is_sound_left_out`: the renditions are silent, because MediaConvert cannot decode the original's sound.
    `is_mirroring_left_out`: the renditions are mirrored, because MediaConvert cannot swap left and right.
    `is_encoding_left_out`: there are no renditions, because MediaConvert cannot decode the original.
    `are_tracks_left_out`: some of the original's tracks of moving pictures have no rendition, because MediaConvert
    selects one by the PID of a transport stream or the number in an HLS input only (API's model, `VideoSelector`)."""

    profile_choice: ProfileChoice
    look: Look
    frames: Look
    detectors: Mapping[str, str]
    managed_calls: int
    custom: tuple[CustomDetector, ...]
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

    @property
    def has_rung(self) -> bool:
        """Whether a function makes a rung of an HLS presentation; then it makes nothing else."""
        return any(r.engine == "lambda" and hls.is_track(r.name) for r in self.renditions)

    @property
    def video(self) -> list[str]:
        """The detectors for which Rekognition analyses the video itself."""
        return [name for name, engine in self.detectors.items() if engine == video.ENGINE]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON. `frames` is the look at what managed services are asked about."""
        profile = self.profile_choice.profile
        return {
            "profile": self.profile_choice.to_dict(),
            "look": {"interval_s": self.look.interval_s, "max": self.look.max},
            "detectors": dict(self.detectors),
            "escalate": list(profile.escalate),
            "managed_calls": self.managed_calls,
            "video": self.video,
            "custom": [detector.name for detector in self.custom],
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
        }


def make(
    asset: str,
    facts: Facts,
    original: str,
    delivery_bucket: str,
    max_frames: int,
    *,
    profile_choice: ProfileChoice | None = None,
    features: Collection[str] = FEATURES,
    custom_detectors: Mapping[str, CustomDetector] | None = None,
) -> Plan:
    """Make the plan for an original at `original` (`s3://bucket/key`).

    `max_frames` is the operator's limit of frames that a managed service is asked about. `profile_choice` is the
    profile, by default the one that its facts choose. `features` names the branches of the state machine: what a
    missing one would do is left to another engine, or out. `custom_detectors` are the user's own.
    """
    profile_choice = profile_choice or Profiles.of().choose(facts)
    profile = profile_choice.profile
    detectors = _detectors(profile, facts, features) if facts.kind != "audio" else {}
    frames = _frames(profile, facts, max_frames)
    interval_s = max(profile.interval_s, round(facts.duration_s / (MOST_LOOKS * MOST_PARTS), 3))
    parts = _parts(facts, detectors, interval_s)
    renditions = _renditions(asset, profile, facts, features)
    encoded = [rendition for rendition in renditions if rendition.engine == "mediaconvert"]
    return Plan(
        profile_choice=profile_choice,
        look=Look(interval_s, _looks(facts, interval_s, len(parts))),
        frames=frames,
        detectors=detectors,
        managed_calls=_managed_calls(asset, profile, facts, detectors, frames.max),
        custom=_custom(profile_choice, facts, features, custom_detectors or {}),
        speech=_speech(profile, facts, features),
        parts=parts,
        renditions=tuple(renditions),
        on_request=profile.on_request if facts.kind == "video" and facts.is_encodable else (),
        job_settings=encoding.job_settings(asset, original, delivery_bucket, encoded, facts),
        deadlines={
            "transcribe_s": min(TRANSCRIBE_BASE_S + math.ceil(facts.duration_s), TRANSCRIBE_MAX_S),
            "video_s": min(VIDEO_BASE_S + math.ceil(facts.duration_s), VIDEO_MAX_S),
            "transcode_s": min(TRANSCODE_BASE_S + 2 * math.ceil(facts.duration_s), TRANSCODE_MAX_S),
        },
        is_sound_left_out=bool(encoded) and facts.has_audio and not facts.has_encodable_audio,
        is_mirroring_left_out=facts.is_mirrored and bool(encoded),
        is_encoding_left_out=not facts.is_encodable and not renditions,
        are_tracks_left_out=bool(renditions) and facts.video_tracks > max(made.track for made in renditions),
    )


def equal_parts(duration_s: float, most: float = PART_S) -> tuple[tuple[float, float], ...]:
    """Parts of a duration, `(start, end)` in seconds, each of at most `most` but for the rounding; one for a file that
    fits. All are whole seconds long, so that looks are where they would be in one pass, except for the last, which is
    no longer than the others."""
    count = max(1, math.ceil(duration_s / most))
    length = math.ceil(duration_s / count)
    edges = [float(length * n) for n in range(count) if n == 0 or length * n < duration_s]
    return tuple(pairwise([*edges, duration_s]))


def calls_within(usd_per_hour: float, duration_s: float, asset: str) -> int:
    """How many calls a rate of spending allows for a duration, rounded by the content so that short clips keep the rate
    on average: one call per hour is one call for every sixtieth clip of a minute.

    `asset` is the id, hex digits of the content's SHA-256, so the same content has the same number everywhere.
    """
    calls = round(usd_per_hour * duration_s / 3600 / IMAGE_CALL_USD, 6)
    return math.floor(calls + int(asset[:12], 16) / 16**12)


def _detectors(profile: Profile, facts: Facts, features: Collection[str]) -> dict[str, str]:
    """Engines by detector. A service answers where we have no model, and looks frame by frame at what Rekognition does
    not take as a video."""
    is_video = video.is_accepted(facts) and "analyze" in features
    engines = {}
    for name, engine in profile.detectors.items():
        lacks_model = engine in LOCAL_ENGINES and DETECTORS[name].look_s is None
        lacks_job = engine == video.ENGINE and not (is_video and name in video.JOBS)
        engines[name] = DETECTORS[name].engine if lacks_model or lacks_job else engine
    return engines


def _custom(
    profile_choice: ProfileChoice, facts: Facts, features: Collection[str], brought: Mapping[str, CustomDetector]
) -> tuple[CustomDetector, ...]:
    if facts.kind == "audio" or "analyze" not in features:
        return ()
    return tuple(custom.detectors_for(brought, profile_choice.name, profile_choice.profile.detectors.get("labels")))


def _parts(facts: Facts, detectors: Mapping[str, str], interval_s: float) -> tuple[tuple[float, float], ...]:
    """What one invocation of Sample looks at or, where no detector of ours looks, only decodes."""
    local = [name for name, engine in detectors.items() if engine in LOCAL_ENGINES]
    longest = PART_S
    if local:
        longest = min(PART_S, MOST_LOOKS * interval_s, PART_BUSY_S / look_time.per_second(facts, local, interval_s))
    return equal_parts(facts.duration_s, max(longest, facts.duration_s / MOST_PARTS))


def _looks(facts: Facts, interval_s: float, parts: int = 1) -> int:
    if facts.kind == "audio":
        return 0
    return 1 if facts.kind == "image" else math.ceil(facts.duration_s / interval_s) + parts


def _frames(profile: Profile, facts: Facts, max_frames: int) -> Look:
    interval_s = profile.frames_interval_s
    return Look(interval_s, min(profile.max_frames, max_frames, _looks(facts, interval_s)))


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
    """What is made at once. A function makes proxies of what it encodes in its time, one of each track of moving
    pictures, or else the small rung of an HLS presentation, which may take it several attempts, and sound that
    MediaConvert cannot read (AMR, ALAC); MediaConvert makes all else."""
    bit_rate = facts.bytes * 8 / facts.duration_s if facts.duration_s else None
    is_small_ours = "proxy" in features and proxy.fits_rung(facts)
    has_tracks = hls.NAME in profile.renditions and "transcode" in features
    tracks = hls.rungs(asset, facts, is_small_ours=is_small_ours) if has_tracks else []
    has_rung = any(track.engine == "lambda" for track in tracks)
    views = proxy.fitting_tracks(facts) if "proxy" in features and not has_rung else 0
    is_proxy_ours = views > 0
    engines = {"proxy": "lambda"} if is_proxy_ours else {}
    if is_proxy_ours and not (facts.is_encodable and facts.has_encodable_audio):
        engines["audio"] = "lambda"
    files = ladder.renditions(asset, profile.renditions, facts, bit_rate, engines)
    files += [view for made in files if made.name == "proxy" for view in ladder.views(asset, made, views)]
    if "transcode" not in features:
        return [rendition for rendition in files if rendition.engine != "mediaconvert"]
    return [*files, *tracks]
