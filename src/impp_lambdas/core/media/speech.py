"""Does anybody speak? Asked before Transcribe is paid, of windows of sound spread over the whole recording.

A frame of 30 ms counts as voiced when WebRTC's detector says so *and* it stands out from the steady sound around it
(engines, wind and tones fool the detector alone: it called 100 % of a 50 Hz hum speech), for at least 120 ms on end
(indicator clicks do not). Music with a melody still passes: hearing it once too often costs a cent a minute at most,
missing speech costs the transcript.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import webrtcvad  # type: ignore[import-untyped]  # ships no stubs

RATE = 16_000
"""Samples a second, mono signed 16 bit: what both WebRTC's detector and Transcribe work in."""
FRAME = RATE * 30 // 1000 * 2
"""Bytes of a 30 ms frame, the longest that the detector takes."""
MODE = 2
"""WebRTC's aggressiveness, 0 to 3. Mode 3 lost a seventh of clean read speech, mode 1 nothing but noise less."""
NEARBY = 33
"""Frames to each side (1 s) among which the quiet fifth is the background: speech has a pause in every 2 s."""
ABOVE_DB = 6.0
QUIETEST_DBFS = -50.0
RUN = 4
"""Voiced frames in a row, at least (120 ms, a short syllable)."""
SPEECH_RATIO = 0.02
"""Voiced share from which on a recording is transcribed: 1.2 s in a minute, one short sentence. Measured: read speech
0.50-0.65, the same under road noise 0.35 at 10 dB and 0.09 at 0 dB; hum, tones, white noise and silence 0.00."""


@dataclass(frozen=True)
class Speech:
    """``voiced`` of ``heard`` seconds sounded like speech."""

    voiced: float
    heard: float

    @property
    def ratio(self) -> float:
        """Voiced share of what was heard, 0 to 1."""
        return self.voiced / self.heard if self.heard else 0.0

    @property
    def spoken(self) -> bool:
        """Whether that is enough to pay for a transcript."""
        return self.ratio >= SPEECH_RATIO


def detect(windows: Iterable[bytes]) -> Speech:
    """Listen to windows of 16 kHz mono 16-bit little-endian samples, each judged against its own background."""
    voiced = heard = 0
    for window in windows:
        frames = [window[i : i + FRAME] for i in range(0, len(window) - FRAME + 1, FRAME)]
        heard += len(frames)
        voiced += _voiced(frames)
    return Speech(voiced * 0.03, heard * 0.03)


def level(frame: bytes) -> float:
    """Root mean square level in dB of full scale; -96 for digital silence."""
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
    """Starts of windows of ``length_s`` spread evenly; the whole recording as one row of windows where it is short."""
    count = max(1, math.ceil(duration_s / length_s))
    if count <= most:
        return [k * length_s for k in range(count)]
    return [k * (duration_s - length_s) / (most - 1) for k in range(most)]
