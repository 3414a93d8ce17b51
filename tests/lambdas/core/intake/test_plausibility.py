"""Lengths that cannot be true, and the leanest recordings that are."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support import synthetic_media as synthetic

from impp_lambdas.core.intake.facts import Streams
from impp_lambdas.core.intake.plausibility import implausible

HOUR = 3600.0


def recording(
    seconds: float, fps: float | None = 30, codec: str = "h264", size: tuple[int, int] = (3840, 2160)
) -> Streams:
    return Streams("video", seconds, *size, 0, fps, codec, None, False, "mp4")


def sound(seconds: float) -> Streams:
    return Streams("audio", seconds, None, None, 0, None, None, "aac", True, "mp4")


@pytest.mark.parametrize(
    ("streams", "size"),
    [
        (recording(9.9 * HOUR), 25_923),
        (recording(9.9 * HOUR, fps=1 / 60), 25_923),
        (recording(9.9 * HOUR, fps=None), 25_923),
        (recording(HOUR, codec="mjpeg"), 5_000_000),
        (sound(4 * HOUR), 25_923),
        (recording(0.04), 10**10),
        (sound(1), 10**9),
    ],
)
def test_a_length_that_does_not_fit_the_size_is_implausible(streams: Streams, size: int) -> None:
    assert implausible(streams, size)


@pytest.mark.parametrize(
    ("name", "streams", "rate"),
    [  # bytes per second as measured with ffmpeg's encoders
        ("black, x264, 1080p30", recording(HOUR), 1325),
        ("black, x264, 360p30", recording(HOUR, size=(640, 360)), 772),
        ("digital silence, Opus at 6 kbit/s with DTX", sound(HOUR), 60),
        ("uncompressed 4K at 30 frames/s, 4:4:4, 16 bits", recording(10), 3840 * 2160 * 6 * 30),
        ("a dash cam at 60 Mbit/s", recording(60), 7_500_000),
    ],
)
def test_the_leanest_and_the_richest_recordings_pass(name: str, streams: Streams, rate: int) -> None:
    assert implausible(streams, round(rate * streams.duration_s)) is None, name


@pytest.mark.parametrize(("fps", "codec"), [(30, "libx264"), (1, "libx264"), (0.1, "libx264"), (30, "mpeg4")])
def test_a_black_recording_and_a_time_lapse_pass(fps: float, codec: str) -> None:
    pictures = [np.zeros((90, 160, 3), np.uint8)] * 150
    data = synthetic.movie(pictures, fps=fps, times=[i / fps for i in range(150)], gop=1000, codec=codec)
    assert len(data) < 25_000
    assert implausible(recording(150 / fps, fps, size=(160, 90)), len(data)) is None
