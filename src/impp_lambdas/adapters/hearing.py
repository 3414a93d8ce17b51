"""Listens to a recording with the speech model in the function itself, piece by piece, and remembers how far it came.

A recording may take longer than a function may run. The progress is therefore in the work bucket; an invocation that
runs out of time raises `Unfinished`, and the state machine's retry continues.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from typing import TYPE_CHECKING, Any

from impp_engines import compressed_packages
from impp_lambdas.adapters import attempts, aws, decoding, s3, weights
from impp_lambdas.adapters.ranged import open_original
from impp_lambdas.core import keys
from impp_lambdas.core.media import hearing

if TYPE_CHECKING:
    from impp_engines.media import Samples
    from impp_engines.speech import Segment
    from impp_lambdas.adapters.ranged import RangedFile
    from impp_lambdas.core.media.hearing import Span

MODEL_MB = 500
"""Memory that the model keeps while a child decodes the next piece: 330 MB of weights and what a piece takes."""
RESERVE_S = 30.0
"""Seconds of the function's timeout for saving, beyond twice the longest piece so far."""
FIRST_PIECE_S = 120.0
"""What a piece is expected to take before one was heard."""
SAVE_S = 120.0
"""How often progress is saved: a function that dies loses no more."""
SURE = 0.5
"""Lowest probability of an identified language; below it the fallback of the settings is taken. Two seconds of clear
speech score 0.98, speech under noise as loud as itself 0.92."""


@dataclass
class Progress:
    """How far an execution has come: everything before `position_s` is heard. `usage` is that of earlier attempts.

    A segment is a list of words, each `(text, start, end, probability)`; `language` is Whisper's code and probability.
    """

    execution: str
    position_s: float = 0.0
    language: tuple[str, float] | None = None
    segments: list[list[tuple[str, float, float, float]]] = field(default_factory=list)
    usage: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Requests:
    """Requests to S3; `is_new` if weights are among them."""

    gets: int = 0
    puts: int = 0
    is_new: bool = False


@dataclass(frozen=True)
class Request:
    """What is heard: the original, its voiced stretches, and the language (Whisper's code; None: identify it, with
    `fallback` if that is unsure)."""

    event: Mapping[str, Any]
    spans: list[Span]
    language: str | None
    fallback: str


def load(bucket: str, asset: str, execution: str) -> Progress:
    """The progress of this execution, empty if it has not begun."""
    return Progress(**({"execution": execution} | attempts.load(bucket, _key(asset), execution)))


def save(bucket: str, asset: str, progress: Progress) -> None:
    """Remember how far the execution has come."""
    s3.put_json(bucket, _key(asset), asdict(progress))


def advance(progress: Progress, request: Request, bucket: str, context: aws.Context) -> tuple[bool, Requests]:
    """Hear what is left, one piece at least, as far as the time suffices. Returns whether that was all, and the
    requests to S3. Raises `Unreadable` if the sound cannot be decoded."""
    fetched = weights.fetch()
    requests = Requests(gets=fetched, is_new=fetched > 0)
    compressed_packages.add_to_path("speech")
    event = request.event
    original = open_original(event)
    longest, saved = FIRST_PIECE_S, time.monotonic()
    is_first, is_done = True, False
    while not (is_done := not hearing.piece(request.spans, progress.position_s)[0]):
        if not is_first and aws.seconds_left(context, RESERVE_S) < 2 * longest:
            break
        began = time.monotonic()
        _hear(progress, request, original, context)
        longest = max(0.0 if is_first else longest, time.monotonic() - began)
        is_first = False
        if time.monotonic() - saved > SAVE_S:
            save(bucket, event["asset"], progress)
            requests.puts += 1
            saved = time.monotonic()
    requests.gets += original.fetches
    return is_done, requests


def segments(progress: Progress) -> list[Segment]:
    """What was heard so far."""
    from impp_engines.speech import Segment, Word

    return [Segment(tuple(Word(*word) for word in words)) for words in progress.segments]


def _hear(progress: Progress, request: Request, original: RangedFile, context: aws.Context) -> None:
    """Hear the next piece and move the position behind it."""
    import numpy as np

    from impp_engines import speech
    from impp_engines.media import SAMPLE_RATE

    spans, goes_on = hearing.piece(request.spans, progress.position_s)
    limits = decoding.Limits.of(context, RESERVE_S)
    child = decoding.Limits(max(limits.memory_mb - MODEL_MB, MODEL_MB), limits.seconds)
    decoded = decoding.stretches(original, spans, child)
    sound: list[Samples] = [np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768) for data in decoded]
    until = spans[-1][1]
    if goes_on and (cut := speech.quietest(sound[-1])):
        sound[-1] = sound[-1][:cut]
        until = spans[-1][0] + cut / SAMPLE_RATE
    pause = np.zeros(round(hearing.PAUSE_S * SAMPLE_RATE), np.float32)
    samples = np.concatenate([part for stretch in sound for part in (stretch, pause)])
    if samples.size > pause.size * len(sound):  # nothing, if the sound ends before the pictures do
        language = request.language or _identified(progress, request, samples)
        heard = speech.recognize(samples, language)
        lengths = [stretch.size / SAMPLE_RATE for stretch in sound]
        for segment in hearing.placed(heard, spans, lengths):
            progress.segments.append([astuple(word) for word in segment.words])
    progress.position_s = until


def _identified(progress: Progress, request: Request, samples: Samples) -> str:
    """Whisper's code of the language, identified from the first piece of the recording."""
    from impp_engines import speech

    if progress.language is None:
        language = speech.identify(samples)
        is_sure = language.probability >= SURE
        progress.language = (language.code, language.probability) if is_sure else (request.fallback, 0.0)
    return progress.language[0]


def _key(asset: str) -> str:
    return keys.work(asset, "hearing.json")
