"""Speech to text: multilingual Whisper base (MIT) on `faster-whisper`.

A recording is transcribed in pieces: :func:`transcribe` cuts a file of any length; a caller that has sound of its own
uses :func:`identify` and :func:`recognize`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from impp_engines import weights
from impp_engines.media import SAMPLE_RATE, Samples, audio_windows

_WINDOW_S = 600.0
_SEARCH_S = 10.0
_IDENTIFIED = 4
"""Stretches of 30 s that the language is identified from, at most: a greeting may be in another one."""
_NOISE = "nn"
"""Nynorsk: what Whisper takes white noise for, with a probability of 0.5 to 0.7. It takes speakers of Nynorsk for
speakers of Norwegian."""
_TEMPERATURES = (0.0, 0.2, 0.4)
"""Tried in this order until a text is not a repetition and not a guess. Whisper itself goes up to 1.0, where it mostly
invents text."""
BEAMS = 1
"""Greedy: five beams take half as long again, and the difference in mistakes was chance in English, which is all that
was measured (docs/design/performance/models.md, "Speech")."""
_NO_SPEECH, _DOUBTFUL, _GUESSED, _CERTAIN = 0.6, -0.7, -1.0, 0.35
"""Measured with Whisper base: clear speech scores up to 0.65 as "no speech" with a log probability of -0.1 to -0.3, a
third of it under noise as loud as itself; white noise, silence and tones score 0.7 and more, with -0.75 and less. Words
of clear speech have a probability of 0.8 and more on average."""
_REPETITION, _FASTEST = 2.4, 8.0
"""Compression ratio from which Whisper tries again, and words per second that nobody speaks: auctioneers reach 7. In
white noise it fell into a loop with a ratio of 15 and 18 words per second, of which it was sure."""


@dataclass(frozen=True)
class Model:
    """Whisper in one size. `language` is the only one that it understands; None: any."""

    files: tuple[str, ...]
    language: str | None = None


BASE = Model(
    (
        "whisper-base/config.json",
        "whisper-base/tokenizer.json",
        "whisper-base/vocabulary.json",
        "whisper-base/model.bin",
    )
)
TINY_EN = Model(
    tuple(f"whisper-tiny.en/{part}" for part in ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin")), "en"
)
"""Half the time and memory, English only: for tests. (No literal names its files, so that no function is deployed with
them.)"""


@dataclass(frozen=True)
class Word:
    """A word as written, punctuation included; seconds from the beginning of the file; probability 0..1."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Segment:
    """Words spoken without a pause."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Language:
    """A spoken language (ISO 639-1, such as `de`) and its probability, 0..1."""

    code: str
    probability: float


@dataclass(frozen=True)
class Transcript:
    """The segments of a recording, its length in seconds, and its language; None if it has no sound."""

    segments: tuple[Segment, ...]
    duration_s: float
    language: Language | None = None


def transcribe(
    path: Path,
    on_progress: Callable[[float], None] | None = None,
    *,
    language: str | None = None,
    model: Model = BASE,
) -> Transcript:
    """Transcribe the first audio track of a media file of any length, ten minutes at a time.

    `language` (ISO 639-1) is identified from the first piece unless given. `on_progress` receives the seconds
    transcribed so far. Raises `MediaError` when there is no audio or it cannot be decoded.
    """
    segments: list[Segment] = []
    spoken = Language(language, 1.0) if language else None
    offset = 0.0
    for samples in _cut_in_silence(audio_windows(path, _WINDOW_S)):
        spoken = spoken or identify(samples, model, skip_silence=True)
        segments += recognize(samples, spoken.code, model, offset=offset, skip_silence=True)
        offset += samples.size / SAMPLE_RATE
        if on_progress:
            on_progress(offset)
    return Transcript(tuple(segments), offset, spoken)


def identify(samples: Samples, model: Model = BASE, *, skip_silence: bool = False) -> Language:
    """The language that is most probably spoken at the beginning of `samples`, in up to two minutes of them.

    :func:`recognize` after it does not encode the first 30 s of the same samples again.
    """
    if model.language:
        return Language(model.language, 1.0)
    whisper, lock = _loaded(model)
    with lock:
        # As `WhisperModel.transcribe` divides it, which leaves out the last frame, so that both encode the same.
        features = None if skip_silence else whisper.feature_extractor(samples)[..., :-1]
        code, probability, others = whisper.detect_language(
            samples if skip_silence else None,
            features,
            vad_filter=skip_silence,
            language_detection_segments=_IDENTIFIED,
        )
    if code == _NOISE:
        code, probability = next(other for other in others if other[0] != _NOISE)
    return Language(str(code), float(probability))


def recognize(
    samples: Samples,
    language: str,
    model: Model = BASE,
    *,
    offset: float = 0.0,
    skip_silence: bool = False,
    beams: int = BEAMS,
) -> list[Segment]:
    """What is said in a piece of sound; times begin at `offset`. `skip_silence` finds the speech in it first. `beams`
    are followed at once."""
    whisper, lock = _loaded(model)
    with lock:
        segments, _ = whisper.transcribe(
            samples,
            language=model.language or language,
            beam_size=beams,
            word_timestamps=True,
            vad_filter=skip_silence,
            condition_on_previous_text=False,
            temperature=_TEMPERATURES,
        )
        spoken = [tuple(_words(segment, offset)) for segment in segments if _is_speech(segment)]
    return [Segment(words) for words in spoken if _is_certain(words)]


def _is_speech(segment: Any) -> bool:
    """False for what Whisper invents in noise and silence: it doubts that somebody speaks, and what is said, or it
    repeats itself faster than anybody speaks."""
    words = len(segment.text.split())
    if segment.compression_ratio > _REPETITION and words > _FASTEST * (segment.end - segment.start):
        return False
    least = _GUESSED if segment.no_speech_prob <= _NO_SPEECH else _DOUBTFUL
    return bool(segment.avg_logprob >= least)


def _is_certain(words: tuple[Word, ...]) -> bool:
    """False for a few stray marks, and for words that are hardly more than a guess."""
    if not any(character.isalnum() for word in words for character in word.text):
        return False
    return sum(word.probability for word in words) >= _CERTAIN * len(words)


def _words(segment: Any, offset: float) -> Iterator[Word]:
    for word in segment.words or ():
        if text := word.word.strip():
            start, end = (round(float(time) + offset, 3) for time in (word.start, word.end))
            yield Word(text, start, end, float(word.probability))


def quietest(samples: Samples) -> int:
    """The index of the quietest tenth of a second in the last ten seconds, where a cut splits no word."""
    search = min(int(_SEARCH_S * SAMPLE_RATE), samples.size)
    step = SAMPLE_RATE // 10
    tail = samples[samples.size - search // step * step :]
    if not tail.size:
        return int(samples.size)
    energy = np.square(tail).reshape(-1, step).sum(axis=1)
    return int(samples.size - tail.size + int(energy.argmin()) * step)


def _cut_in_silence(windows: Iterator[Samples]) -> Iterator[Samples]:
    """The same audio, cut at the quietest moment near the end of each window, so that no word is split."""
    rest = np.zeros(0, np.float32)
    for window in windows:
        samples = np.concatenate([rest, window])
        if window.size < _WINDOW_S * SAMPLE_RATE:
            rest = samples
            continue
        cut = quietest(samples)
        yield samples[:cut]
        rest = samples[cut:]
    if rest.size:
        yield rest


_loading = threading.Lock()
_models: dict[Model, tuple[Any, threading.Lock]] = {}


def _loaded(model: Model) -> tuple[Any, threading.Lock]:
    """The model, loaded at first use: 8-bit weights on one thread, one caller at a time."""
    with _loading:
        if model not in _models:
            from faster_whisper import WhisperModel  # type: ignore[import-untyped]

            files = [weights.path(name) for name in model.files]
            whisper = WhisperModel(
                str(files[0].parent),
                device="cpu",
                compute_type="int8",
                cpu_threads=1,
                num_workers=1,
                local_files_only=True,
            )
            whisper.encode = _encode_once(whisper.encode)
            _models[model] = whisper, threading.Lock()
        return _models[model]


def _encode_once(encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`encode` for one caller at a time, which returns its last result if it gets the same features again."""
    last: tuple[Any, Any] | None = None

    def encode_unless_last(features: Any) -> Any:
        nonlocal last
        if last is None or not np.array_equal(last[0], features):
            last = features.copy(), encode(features)
        return last[1]

    return encode_unless_last
