"""Stretches of sound begin and end where they were asked for, in every container that cameras write."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.soundtrack import stretches
from impp_lambdas.core.media.speech import RATE

CONTAINERS = [("mp4", "aac"), ("mov", "aac"), ("matroska", "aac"), ("mpegts", "aac")]
CONTAINERS += [("wav", "pcm_s16le"), ("mp3", "mp3")]
DELAY_S = 0.08
"""AAC's own delay, 64 ms at this rate, is in MP4's edit list but in neither Matroska nor transport streams."""
CLICKS_S = (0.5, 4.25, 7.0, 11.5)


def recording(container: str, codec: str, seconds: float = 12.0) -> io.BytesIO:
    """A tone of 50 ms at each of `CLICKS_S`."""
    samples = np.zeros(round(seconds * RATE), np.int16)
    tone = (np.sin(np.arange(RATE // 20) * 2 * np.pi * 1000 / RATE) * 20_000).astype(np.int16)
    for click in CLICKS_S:
        samples[round(click * RATE) : round(click * RATE) + tone.size] = tone
    out = io.BytesIO()
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=RATE, layout="mono")
        for at in range(0, samples.size, 1024):
            frame = av.AudioFrame.from_ndarray(samples[at : at + 1024].reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    out.seek(0)
    return out


def clicks(sound: bytes) -> list[float]:
    """When a tone begins, in seconds."""
    loud = np.abs(np.frombuffer(sound, "<i2").astype(np.int32)) > 5000
    at = np.flatnonzero(loud)
    return [float(at[k]) / RATE for k in range(at.size) if k == 0 or at[k] - at[k - 1] > RATE // 10]


@pytest.mark.parametrize(("container", "codec"), CONTAINERS, ids=[container for container, _ in CONTAINERS])
def test_a_stretch_has_its_sound_at_its_time(container: str, codec: str) -> None:
    first, second, last = stretches(recording(container, codec), [(0.0, 2.0), (4.0, 8.0), (11.0, 20.0)])
    assert clicks(first) == [pytest.approx(0.5, abs=DELAY_S)]
    assert clicks(second) == [pytest.approx(0.25, abs=DELAY_S), pytest.approx(3.0, abs=DELAY_S)]
    assert clicks(last) == [pytest.approx(0.5, abs=DELAY_S)]
    assert (len(first), len(second)) == (2 * RATE * 2, 4 * RATE * 2)
    assert len(last) <= 1.2 * RATE * 2, "shorter, because the recording ends"


def test_a_file_without_sound_is_unreadable() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(3):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        target.mux(stream.encode(None))
    out.seek(0)
    with pytest.raises(Unreadable, match="no audio track"):
        stretches(out, [(0.0, 1.0)])
