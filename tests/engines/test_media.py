"""Sound decoded from media files, and files that must not be opened."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from impp_engines import media
from impp_engines.media import MediaError


def recording(path: Path, seconds: float, rate: int = 8000) -> Path:
    """A WAV file with a tone of 440 Hz at half the full scale."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((tone * 32767).astype("<i2").tobytes())
    return path


def test_sound_becomes_windows_of_mono_samples(tmp_path: Path) -> None:
    windows = list(media.audio_windows(recording(tmp_path / "tone.wav", 2.5), 1.0))
    samples = np.concatenate(windows)
    assert abs(samples.size - 2.5 * media.SAMPLE_RATE) < 100
    assert len(windows) == 3 and all(window.dtype == np.float32 for window in windows)
    assert 0.45 < np.abs(samples).max() < 0.55
    frequency = np.abs(np.fft.rfft(samples)).argmax() * media.SAMPLE_RATE / samples.size
    assert abs(frequency - 440) < 2


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    sound = recording(tmp_path / "tone.wav", 1)
    playlist = tmp_path / "list.wav"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{sound}\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError) as error:
        list(media.audio_windows(playlist, 1.0))
    assert error.value.reason == "corrupt"
