"""How long each function runs for an original, at most, and how often it asks S3: estimates for the quote.

What a function waits for is in `functions.toml`. What it computes is here, in processor seconds of one core of an AMD
EPYC (x86-64); :mod:`.calibration` says how many times as long it takes where the functions run.
`benchmarks/quote_bench.py` compares quotes with ledgers; docs/design/performance has the single figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect.custom import ASYNCHRONOUS
from impp_lambdas.core.detect.registry import LOCAL_ENGINES
from impp_lambdas.core.media.bounds import FORWARD_FRAMES, REQUEST_BYTES, STRIDE_BYTES, WINDOWS
from impp_lambdas.core.money.functions import steps, table
from impp_lambdas.core.planning import look_time, proxy

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.planning.plan import Plan

SAMPLE_START_S = 1.3
"""A child process, its libraries, and weights that a new container fetches."""
JOIN_LOOK_S, ANALYZE_LOOK_S = 0.0015, 0.003
"""Following what is seen and writing it, per look. Analyze has 0.29 of a core."""
STILL_MEGAPIXEL_S, LARGEST_STILL = 0.1, 50.0
"""A photo (HEIC takes longest), and the megapixels of one whose size is unknown."""
CANDIDATES = 240
"""Most candidates for distinct frames where no detector of ours looks (core/media/sampling.py)."""
WINDOW_S = 0.05
"""Listening for speech to a window."""
READ_PIECE_S = 0.03
"""Waiting for S3 after a seek."""
HEAR_START_S = 4.0
"""A new container unpacks the packages, fetches 150 MB of weights and loads the model."""
IDENTIFY_S = 0.9
"""The encoder's pass over 30 s from which the language is identified."""
HEAR_WINDOW_S, HEAR_WINDOW = 1.9, 28.0
"""Whisper base takes so long for each window that has begun, even if half a second is left for it: its encoder always
takes 30 s of sound. A window begins where the last phrase of the one before ended, some 2 s early."""
ATTEMPT_S = 800.0
"""What an attempt of a long transcription uses of its 900 s."""
SAVE_S = 120.0
"""Such an attempt saves its progress so often."""
OPEN_GETS = 8
"""Requests for the head of a file and its index, with the read-ahead that grows from one block to 32."""
WEIGHTS_GETS = 6
"""Files of weights that a new container fetches, and a document."""
SAMPLE_PUTS, HEAR_PUTS = 6, 3
"""Poster, thumbnail, storyboard, its times, frames.json and findings; a transcript and its captions in two formats."""
PART_OBJECTS = 3
"""What a part of a long file writes, and Join reads."""
MOST_WAITS = 62
"""Retries of the state Analyze for the error Unfinished, 30 s apart; a test compares them."""


@dataclass(frozen=True)
class Run:
    """All runs of a function for an original: what they wait, of which `start_s` in new containers only, and what they
    compute on the machine of the estimates, `most_s` in all; and requests to S3 that its ledger counts."""

    function: str
    waiting_s: float
    computing_s: float = 0.0
    start_s: float = 0.0
    most_s: float = math.inf
    gets: int = 0
    puts: int = 0

    def seconds(self, factor: float) -> float:
        """How long they take where computing takes `factor` times as long."""
        return min(self.waiting_s + factor * self.computing_s, self.most_s)


def runs(plan: Plan, facts: Facts, branches: Mapping[str, Any], factor: Callable[[str], float]) -> Iterator[Run]:
    """The functions that process an original. `factor` says how many times as long as estimated a function computes:
    a slow one needs more attempts."""
    is_job = plan.speech == "transcribe"
    yield from (Run(name, _estimate(name)) for name in steps("process"))
    yield _sample(plan, facts)
    if len(plan.parts) > 1:
        yield _join(plan)
    if "analyze" in branches:
        yield from _analyze(plan)
    if "transcribe" in branches and plan.speech == "lambda":
        yield _hear(facts, factor("hear"))
    elif "transcribe" in branches:
        yield Run("transcribe", _estimate("transcribe", heard=facts if is_job else None))
        if is_job:
            yield Run("resume", _estimate("resume"))
    if plan.has_rung:
        attempts = proxy.rung_attempts(facts)
        gets = _reads(facts) + OPEN_GETS * attempts
        yield Run("proxy", 0.0, proxy.rung_seconds(facts), gets=gets, puts=2 * attempts)
    elif proxies := sum(rendition.engine == "lambda" for rendition in plan.renditions):
        yield Run("proxy", 0.0, proxy.seconds(facts, proxies), gets=proxies * _reads(facts), puts=proxies)
    elif "transcode" in branches:  # it says that MediaConvert makes them all, or nobody
        yield Run("proxy", _estimate("proxy"))


def _sample(plan: Plan, facts: Facts) -> Run:
    local = [name for name, engine in plan.detectors.items() if engine in LOCAL_ENGINES]
    looks = plan.look.max if local else min(CANDIDATES, 3 * plan.frames.max)
    computing, parts = looks * look_time.per_look(facts, local), len(plan.parts)
    if facts.kind == "image":
        computing += STILL_MEGAPIXEL_S * look_time.megapixels(facts, LARGEST_STILL)
        waiting, gets = look_time.READ_GB_S * facts.bytes / 1e9, _reads(facts)
    else:
        interval_s = facts.duration_s / max(1, looks - 1)
        is_walked = facts.bytes / facts.duration_s * (interval_s if looks else 1.0) <= STRIDE_BYTES
        computing += _between_keyframes(facts, interval_s, is_walked=is_walked) if looks else 0.0
        if is_walked:
            computing += look_time.SOUND_MINUTE_S * facts.duration_s / 60 if facts.has_audio else 0.0
            waiting, gets = look_time.READ_GB_S * facts.bytes / 1e9, _reads(facts)
        else:
            windows = WINDOWS * parts if facts.has_audio else 0
            computing += WINDOW_S * windows
            gets = 2 * (looks + windows)
            waiting = READ_PIECE_S * gets
    waiting += SAMPLE_START_S * parts
    gets += (OPEN_GETS + WEIGHTS_GETS) * parts
    puts = SAMPLE_PUTS + _asked(plan) if parts == 1 else PART_OBJECTS * parts
    most = table()["sample"]["timeout_s"] * parts
    return Run("sample", waiting, computing, most_s=most, gets=gets, puts=puts)


def _join(plan: Plan) -> Run:
    gets = PART_OBJECTS * len(plan.parts) + _asked(plan)
    puts, most = SAMPLE_PUTS + _asked(plan), table()["join"]["timeout_s"]
    return Run("join", _estimate("join"), JOIN_LOOK_S * plan.look.max, most_s=most, gets=gets, puts=puts)


def _asked(plan: Plan) -> int:
    """Frames that are uploaded for whom they are asked about."""
    return max(plan.managed_calls, _custom_frames(plan))


def _between_keyframes(facts: Facts, interval_s: float, *, is_walked: bool) -> float:
    """Seconds of decoding frames between keyframes, where these are farther apart than the looks."""
    if is_walked:
        return look_time.between_keyframes(facts, interval_s) * facts.duration_s
    if (facts.keyframe_s or math.inf) <= 1.05 * interval_s:
        return 0.0
    frames = min(FORWARD_FRAMES, (facts.fps or proxy.USUAL_FPS) * facts.duration_s)
    return proxy.decoding(facts, 1e6 * look_time.megapixels(facts, 0.0) * frames)


def hearing_s(spoken_s: float) -> float:
    """Processor seconds of hearing so much speech."""
    return IDENTIFY_S + HEAR_WINDOW_S * (spoken_s // HEAR_WINDOW + 1)


def _hear(facts: Facts, factor: float) -> Run:
    """All attempts, if somebody speaks from beginning to end."""
    computing = hearing_s(facts.duration_s)
    attempts = math.ceil(factor * computing / ATTEMPT_S)
    puts = HEAR_PUTS + math.ceil(factor * computing / SAVE_S)
    start, gets = HEAR_START_S * attempts, _reads(facts) + attempts * WEIGHTS_GETS
    return Run("hear", start + look_time.READ_GB_S * facts.bytes / 1e9, computing, start, gets=gets, puts=puts)


def _reads(facts: Facts) -> int:
    """Requests for a file that is read as a whole."""
    return OPEN_GETS + math.ceil(facts.bytes / REQUEST_BYTES)


def _analyze(plan: Plan) -> Iterator[Run]:
    """It waits for the calls of detectors of the user's own, and is called again until all answers are there."""
    seconds = _estimate("analyze", calls=_asked(plan)) + ANALYZE_LOOK_S * plan.look.max
    seconds += sum(detector.seconds_per_frame for detector in plan.custom) * plan.frames.max
    yield Run("analyze", min(seconds, table()["analyze"]["timeout_s"]))
    for _ in range(waits(plan)):
        yield Run("analyze", _estimate("analyze"), gets=1, puts=1)
    if plan.video:  # the first call of Analyze, the start, and an announcement for each job
        yield Run("analyze", _estimate("analyze"))
        yield Run("analyze_video", _estimate("analyze_video", calls=len(plan.video)))
        yield Run("resume", _estimate("resume") * len(plan.video))


def waits(plan: Plan) -> int:
    """How often Analyze is called before the answers of an asynchronous endpoint are there, at most."""
    return MOST_WAITS if any(detector.kind == ASYNCHRONOUS for detector in plan.custom) else 0


def _custom_frames(plan: Plan) -> int:
    """Frames that a detector of the user's own, or Rekognition without our look, gets."""
    is_every_frame = plan.custom or "rekognition" in plan.detectors.values()
    return plan.frames.max if is_every_frame else 0


def _estimate(function: str, *, calls: int = 0, heard: Facts | None = None) -> float:
    """By `functions.toml`, within the function's time limit."""
    row = table()[function]
    estimate = row["estimate"]
    seconds = float(estimate["seconds"] + estimate.get("per_call", 0) * calls)
    if heard:
        seconds += estimate.get("per_gb", 0) * heard.bytes / 1e9
        seconds += estimate.get("per_minute", 0) * heard.duration_s / 60
    return min(seconds, float(row["timeout_s"]))
