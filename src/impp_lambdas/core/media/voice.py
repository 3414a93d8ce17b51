"""Where somebody speaks in a recording: what :mod:`.speech` yields, in a module that loads no detector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

SPEECH_RATIO = 0.02
"""Lowest voiced share of a recording that is transcribed: 1.2 s per minute, one short sentence. Measured: read speech
0.50-0.65, the same under road noise 0.35 at 10 dB and 0.09 at 0 dB; hum, tones, white noise and silence 0.00."""
JOIN_S = 1.0
"""Spans that are no farther apart are one."""
MOST_SPANS = 500
"""Most spans of a recording: they travel through the state machine, 500 are 8 kB. The shortest pauses go first."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Voice:
    """`voiced_s` of the `total_s` seconds that were heard sound like speech, at most `busiest_s` within a minute;
    `spans` are where, padded and merged."""

    voiced_s: float = 0.0
    total_s: float = 0.0
    spans: Sequence[Sequence[float]] = ()
    busiest_s: float = 0.0

    @property
    def ratio(self) -> float:
        """Voiced share of the sound, 0 to 1."""
        return self.voiced_s / self.total_s if self.total_s else 0.0

    @property
    def is_spoken(self) -> bool:
        """Whether there is enough speech to pay for a transcript: in all of it, or in one minute of it."""
        return self.ratio >= SPEECH_RATIO or self.busiest_s >= SPEECH_RATIO * 60


def merged(voices: Iterable[Voice]) -> Voice:
    """The voice of a recording from those of its parts."""
    parts = list(voices)
    return Voice(
        sum(part.voiced_s for part in parts),
        sum(part.total_s for part in parts),
        joined((start, end) for part in parts for start, end in part.spans),
        max((part.busiest_s for part in parts), default=0.0),
    )


def joined(spans: Iterable[Span], most: int = MOST_SPANS) -> tuple[Span, ...]:
    """At most `most` spans in order of time that cover all of them, apart by more than :data:`JOIN_S`."""
    joint: list[Span] = []
    for start, end in sorted(spans):
        if joint and start - joint[-1][1] <= JOIN_S:
            joint[-1] = (joint[-1][0], max(joint[-1][1], end))
        else:
            joint.append((start, end))
    pauses = sorted(range(1, len(joint)), key=lambda n: joint[n][0] - joint[n - 1][1], reverse=True)
    edges = [0, *sorted(pauses[: most - 1]), len(joint)] if joint else []
    return tuple((round(joint[first][0], 2), round(joint[after - 1][1], 2)) for first, after in pairwise(edges))
