"""The speech engine cuts long audio in silence, and encodes nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel

from impp_engines import assets, speech
from impp_engines.media import Samples


def test_long_audio_is_cut_in_silence_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_WINDOW_S", 20.0)
    rate = speech.SAMPLE_RATE
    random = np.random.default_rng(7)
    loud = random.normal(0, 0.3, 50 * rate).astype(np.float32)
    loud[int(14.0 * rate) : int(14.5 * rate)] = 0  # the only pauses near the borders of windows
    loud[int(33.0 * rate) : int(33.5 * rate)] = 0

    def windows() -> Iterator[Samples]:
        for start in range(0, loud.size, 20 * rate):
            yield loud[start : start + 20 * rate]

    parts = list(speech._cut_in_silence(windows()))
    assert np.array_equal(np.concatenate(parts), loud)
    cuts = np.cumsum([part.size for part in parts])[:-1] / rate
    assert 14.0 <= cuts[0] <= 14.5 and 33.0 <= cuts[1] <= 33.5


@pytest.mark.slow
def test_speech_is_encoded_once_to_identify_and_to_recognise(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, encode = [], WhisperModel.encode

    def count(whisper: WhisperModel, features: Any) -> Any:
        encoded.append(features)
        return encode(whisper, features)

    monkeypatch.setattr(WhisperModel, "encode", count)
    monkeypatch.setattr(speech, "_models", {})
    samples = next(speech.audio_windows(assets.path("two_cities.wav"), 5.0))
    assert speech.identify(samples).code == "en"
    spoken = speech.recognize(samples, "en")
    assert "best of times" in " ".join(word.text for segment in spoken for word in segment.words)
    assert len(encoded) == 1
    speech.recognize(samples[: samples.size // 2], "en")
    assert len(encoded) == 2
