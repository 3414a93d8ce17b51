"""Voice activity in the sound of a recording: where somebody speaks, and whether a transcript is worth its price.

A frame of 30 ms counts as voiced if WebRTC's detector says so *and* it stands out from the steady sound around it
(engines, wind and tones fool the detector alone: it took all of a 50 Hz hum for speech), for at least 120 ms in a row
(which excludes indicator clicks). Music with a melody still passes: a false alarm costs at most a cent per minute, a
miss costs the transcript.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable
from operator import mul

import _webrtcvad  # type: ignore[import-not-found]  # what webrtcvad wraps: that reads its own version, for 25 ms

from impp_lambdas.core.media.voice import Span, Voice, joined

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
GAP_S = 0.5
"""Sound that begins so much later than the last ended is a piece of its own."""
RUN = 4
"""Fewest voiced frames in a row (120 ms, a short syllable)."""
PAD_S = 0.5
"""A span begins so long before the first voiced frame and ends so long after the last: speech begins softly."""
WINDOW_S = 30.0
"""Length of the pieces that :class:`SpeechDetector` judges."""

Sound = tuple[float, bytes]
"""Start in seconds, and 16 kHz mono 16-bit little-endian samples."""


class SpeechDetector:
    """Judges sound as it comes, in pieces of :data:`WINDOW_S`, each against its own background.

    `unheard_s` is the time around each piece that nobody listens to, if the pieces are samples of a long recording: a
    voice in a piece may go on there.
    """

    def __init__(self, unheard_s: float = 0.0) -> None:
        self._unheard = unheard_s
        self._start = 0.0
        self._buffer = bytearray()
        self._spans: list[Span] = []
        self._minutes: dict[int, int] = defaultdict(int)
        self._total = 0

    def add(self, start: float, samples: bytes) -> None:
        """Add sound from `start` on. A gap ends the piece."""
        end = self._start + len(self._buffer) / (2 * RATE)
        if self._buffer and abs(start - end) > GAP_S:
            self._judge()
        if not self._buffer:
            self._start = start
        self._buffer += samples
        if len(self._buffer) >= WINDOW_S * RATE * 2:
            self._judge()

    def result(self) -> Voice:
        """The speech in the sound so far."""
        self._judge()
        voiced = sum(self._minutes.values())
        busiest = max(self._minutes.values(), default=0)
        return Voice(voiced * 0.03, self._total * 0.03, joined(self._spans), busiest * 0.03)

    def _judge(self) -> None:
        frames = [bytes(self._buffer[i : i + FRAME]) for i in range(0, len(self._buffer) - FRAME + 1, FRAME)]
        self._buffer.clear()
        self._total += len(frames)
        flags = _voiced(frames)
        for number, is_voiced in enumerate(flags):
            if is_voiced:
                t = self._start + number * 0.03
                self._minutes[int(t // 60)] += 1
                if self._spans and t - PAD_S <= self._spans[-1][1] and not self._unheard:
                    self._spans[-1] = (self._spans[-1][0], t + 0.03 + PAD_S)
                else:
                    self._spans.append((max(0.0, t - PAD_S), t + 0.03 + PAD_S))
        if self._unheard and any(flags):
            length = len(frames) * 0.03
            around = (max(0.0, self._start - self._unheard), self._start + length + self._unheard)
            self._spans = [span for span in self._spans if span[1] <= around[0]] + [around]


def detect(windows: Iterable[Sound], unheard_s: float = 0.0) -> Voice:
    """Listen to windows of sound; `unheard_s` as for :class:`SpeechDetector`."""
    detector = SpeechDetector(unheard_s)
    for start, samples in windows:
        detector.add(start, samples)
    return detector.result()


def level(frame: bytes) -> float:
    """RMS level in dBFS; -96 for digital silence."""
    samples = array("h", frame)
    power = sum(map(mul, samples, samples)) / max(1, len(samples))
    return 10 * math.log10(power / 32768**2) if power > 0 else -96.0


def _voiced(frames: list[bytes]) -> list[bool]:
    """Whether each frame belongs to speech."""
    detector = _webrtcvad.create()
    _webrtcvad.init(detector)
    _webrtcvad.set_mode(detector, MODE)
    levels = [level(f) for f in frames]
    flags = [False] * len(frames)
    run = 0
    for i, frame in enumerate(frames):
        around = sorted(levels[max(0, i - NEARBY) : i + NEARBY + 1])
        gate = max(QUIETEST_DBFS, around[len(around) // 5] + ABOVE_DB)
        is_speech = _webrtcvad.process(detector, RATE, frame, len(frame) // 2)
        run = run + 1 if is_speech and levels[i] > gate else 0
        if run >= RUN:
            flags[i + 1 - RUN : i + 1] = [True] * RUN
    return flags


def window_times(duration_s: float, length_s: float, most: int) -> list[float]:
    """Starts of at most `most` windows of `length_s`: spread evenly, or without gaps if the recording is short."""
    count = max(1, math.ceil(duration_s / length_s))
    if count <= most:
        return [k * length_s for k in range(count)]
    return [k * (duration_s - length_s) / (most - 1) for k in range(most)]
