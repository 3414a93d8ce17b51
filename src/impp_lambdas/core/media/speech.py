"""Voice activity in windows of sound spread over the whole recording: decides whether Transcribe is paid.

A frame of 30 ms counts as voiced if WebRTC's detector says so *and* it stands out from the steady sound around it
(engines, wind and tones fool the detector alone: it took all of a 50 Hz hum for speech), for at least 120 ms in a row
(which excludes indicator clicks). Music with a melody still passes: a false alarm costs at most a cent per minute, a
miss costs the transcript.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import webrtcvad  # type: ignore[import-untyped]  # ships no stubs

RATE = 16_000
"""Samples per second, mono, signed 16 bit: the format of both WebRTC's detector and Transcribe."""
FRAME = RATE * 30 // 1000 * 2
"""Bytes of a 30 ms frame, the longest that the detector accepts."""
MODE = 2
"""WebRTC's aggressiveness, 0 to 3. Mode 3 missed a seventh of clean read speech; mode 1 rejects less noise."""
NEARBY = 33
"""Frames on each side (1 s) whose quietest fifth is the background: speech pauses at least every 2 s."""
ABOVE_DB = 6.0
QUIETEST_DBFS = -50.0
RUN = 4
"""Fewest voiced frames in a row (120 ms, a short syllable)."""
SPEECH_RATIO = 0.02
"""Lowest voiced share of a recording that is transcribed: 1.2 s per minute, one short sentence. Measured: read speech
0.50-0.65, the same under road noise 0.35 at 10 dB and 0.09 at 0 dB; hum, tones, white noise and silence 0.00."""


@dataclass(frozen=True)
class Speech:
    """`voiced_s` of `total_s` seconds sound like speech."""

    voiced_s: float
    total_s: float

    @property
    def ratio(self) -> float:
        """Voiced share of the sound, 0 to 1."""
        return self.voiced_s / self.total_s if self.total_s else 0.0

    @property
    def is_spoken(self) -> bool:
        """Whether there is enough speech to pay for a transcript."""
        return self.ratio >= SPEECH_RATIO


def detect(windows: Iterable[bytes]) -> Speech:
    """Listen to windows of 16 kHz mono 16-bit little-endian samples, each judged against its own background."""
    voiced = total = 0
    for window in windows:
        frames = [window[i : i + FRAME] for i in range(0, len(window) - FRAME + 1, FRAME)]
        total += len(frames)
        voiced += _voiced(frames)
    return Speech(voiced * 0.03, total * 0.03)


def level(frame: bytes) -> float:
    """RMS level in dBFS; -96 for digital silence."""
    samples = array("h", frame)
    power = sum(s * s for s in samples) / max(1, len(samples))
    return 10 * math.log10(power / 32768**2) if power > 0 else -96.0


def _voiced(frames: list[bytes]) -> int:
    detector = webrtcvad.Vad(MODE)
    levels = [level(f) for f in frames]
    count = run = 0
    for i, frame in enumerate(frames):
        around = sorted(levels[max(0, i - NEARBY) : i + NEARBY + 1])
        gate = max(QUIETEST_DBFS, around[len(around) // 5] + ABOVE_DB)
        if detector.is_speech(frame, RATE) and levels[i] > gate:
            run += 1
            count += RUN if run == RUN else run > RUN
        else:
            run = 0
    return count


def window_times(duration_s: float, length_s: float, most: int) -> list[float]:
    """Starts of at most `most` windows of `length_s`: spread evenly, or without gaps if the recording is short."""
    count = max(1, math.ceil(duration_s / length_s))
    if count <= most:
        return [k * length_s for k in range(count)]
    return [k * (duration_s - length_s) / (most - 1) for k in range(most)]
