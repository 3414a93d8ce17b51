"""Speech in a small part of a long recording."""

from __future__ import annotations

import io
import struct

import pytest
from tests.support import synthetic_media as synthetic

from impp_lambdas.core.media.sampling import Limits, sample

RATE = 8000
HOURS = 2


def wave(samples: bytes) -> bytes:
    """A WAVE file of 8-bit mono samples."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE") + form + struct.pack("<4sI", b"data", len(samples))
    ) + samples


@pytest.mark.slow
def test_fifteen_seconds_of_speech_at_the_start_of_two_hours_are_heard() -> None:
    spoken = bytes((int(sample) >> 8) + 128 for sample in synthetic.speech(15)[::2])
    silence = bytes([128]) * (HOURS * 3600 * RATE - len(spoken))
    heard = sample(io.BytesIO(wave(spoken + silence)), "audio", HOURS * 3600, Limits(0, 10, lambda: 300.0))
    assert heard.speech.is_spoken
