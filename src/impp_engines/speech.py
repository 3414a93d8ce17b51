"""Speech to text: Whisper tiny.en (MIT) on `faster-whisper`. English only."""

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
_PARTS = ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin")

_lock = threading.Lock()
_model: Any = None


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
class Transcript:
    """The segments of a recording, and its length in seconds."""

    segments: tuple[Segment, ...]
    duration_s: float


def transcribe(path: Path, on_progress: Callable[[float], None] | None = None) -> Transcript:
    """Transcribe the first audio track of a media file of any length, ten minutes at a time.

    `on_progress` receives the seconds transcribed so far. Raises `MediaError` when there is no audio or it cannot be
    decoded.
    """
    segments: list[Segment] = []
    offset = 0.0
    for samples in _cut_in_silence(audio_windows(path, _WINDOW_S)):
        segments += _segments(samples, offset)
        offset += samples.size / SAMPLE_RATE
        if on_progress:
            on_progress(offset)
    return Transcript(tuple(segments), offset)


def _segments(samples: Samples, offset: float) -> Iterator[Segment]:
    with _lock:
        segments, _ = _whisper().transcribe(
            samples,
            language="en",
            beam_size=5,
            word_timestamps=True,
            vad_filter=True,
            condition_on_previous_text=False,
        )
        for segment in segments:
            words = [
                Word(
                    w.word.strip(),
                    round(float(w.start) + offset, 3),
                    round(float(w.end) + offset, 3),
                    float(w.probability),
                )
                for w in segment.words or ()
                if w.word.strip()
            ]
            if words:
                yield Segment(tuple(words))


def _cut_in_silence(windows: Iterator[Samples]) -> Iterator[Samples]:
    """The same audio, cut at the quietest moment near the end of each window, so that no word is split."""
    rest = np.zeros(0, np.float32)
    for window in windows:
        samples = np.concatenate([rest, window])
        if window.size < _WINDOW_S * SAMPLE_RATE:
            rest = samples
            continue
        search = int(_SEARCH_S * SAMPLE_RATE)
        step = SAMPLE_RATE // 10
        energy = np.square(samples[-search:]).reshape(-1, step).sum(axis=1)
        cut = samples.size - search + int(energy.argmin()) * step
        yield samples[:cut]
        rest = samples[cut:]
    if rest.size:
        yield rest


def _whisper() -> Any:
    """The model, loaded at first use: 8-bit weights on one thread, from the cache folder only."""
    global _model
    if _model is None:
        from faster_whisper import WhisperModel  # type: ignore[import-untyped]

        files = [weights.path(f"whisper-tiny.en/{part}") for part in _PARTS]
        _model = WhisperModel(
            str(files[0].parent), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1, local_files_only=True
        )
    return _model
