"""Speech to text: Whisper tiny.en (MIT) on `faster-whisper`. It understands English and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impp_engines import assets
from impp_local.engines import video

SAMPLE_RATE = 16_000

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
    """Words that were spoken in one go."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Transcript:
    """What was said, and the seconds of audio that were heard."""

    segments: tuple[Segment, ...]
    duration_s: float


def transcribe(path: Path, on_second: Callable[[float], None] | None = None) -> Transcript:
    """Transcribe the first audio track of a media file of any length, ten minutes at a time.

    `on_second` is told how far it came. Raises `MediaError` when there is no audio or it cannot be decoded.
    """
    segments: list[Segment] = []
    offset = 0.0
    for samples in _cut_in_silence(video.audio_windows(path, _WINDOW_S)):
        segments += _spoken(samples, offset)
        offset += samples.size / SAMPLE_RATE
        if on_second:
            on_second(offset)
    return Transcript(tuple(segments), offset)


def _spoken(samples: NDArray[np.float32], offset: float) -> Iterator[Segment]:
    with _lock:
        found, _ = _loaded().transcribe(
            samples,
            language="en",
            beam_size=5,
            word_timestamps=True,
            vad_filter=True,
            condition_on_previous_text=False,
        )
        for segment in found:
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


def _cut_in_silence(windows: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same audio, cut where it is quietest near each border, so that no word is torn apart."""
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


def _loaded() -> Any:
    """The model: 8-bit weights on one thread, from the cache folder only."""
    global _model
    if _model is None:
        from faster_whisper import WhisperModel  # type: ignore[import-untyped]

        files = [assets.path(f"whisper-tiny.en/{part}") for part in _PARTS]
        _model = WhisperModel(
            str(files[0].parent), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1, local_files_only=True
        )
    return _model
