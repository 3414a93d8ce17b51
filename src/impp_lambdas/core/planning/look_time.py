"""How long Sample takes to look at a recording that it reads as a whole: the plan divides long files by it, the quote
is made of it. Seconds are those of one core of the development machine (x86-64, AMD EPYC)."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.media.bounds import FORWARD_PIXELS
from impp_lambdas.core.planning import proxy

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

LOOK_S, LOOK_MEGAPIXEL_S = 0.01, 0.012
"""Per look whatever its size, and per megapixel: a keyframe, scaling, hash, tile of the storyboard."""
SOUND_MINUTE_S = 0.5
"""Listening for speech to a minute of sound."""
READ_GB_S = 16.0
"""Waiting for S3, which delivers 60 MB/s in sequence."""


def per_look(facts: Facts, detectors: Collection[str]) -> float:
    """Seconds of one look by `detectors` of ours."""
    return LOOK_S + LOOK_MEGAPIXEL_S * megapixels(facts, 0.0) + sum(DETECTORS[name].look_s or 0.0 for name in detectors)


def between_keyframes(facts: Facts, interval_s: float) -> float:
    """Seconds of decoding frames between keyframes per second of the recording, where these are farther apart than the
    looks."""
    apart = facts.keyframe_s or math.inf
    if apart <= 1.05 * interval_s:
        return 0.0
    needed = 1.0 if apart == math.inf else min(1.0, (math.ceil(apart / interval_s) - 1) * interval_s / apart)
    pixels_per_s = 1e6 * megapixels(facts, 0.0) * (facts.fps or proxy.USUAL_FPS)
    return proxy.decoding(facts, min(pixels_per_s * needed, FORWARD_PIXELS))


def per_second(facts: Facts, detectors: Collection[str], interval_s: float) -> float:
    """Seconds per second of the recording in a function with one core of Graviton."""
    computing = per_look(facts, detectors) / interval_s + between_keyframes(facts, interval_s) + SOUND_MINUTE_S / 60
    return proxy.GRAVITON * computing + READ_GB_S * facts.bytes / 1e9 / max(facts.duration_s, 1.0)


def megapixels(facts: Facts, unknown: float) -> float:
    """The size of the picture, `unknown` if it is."""
    return facts.width * facts.height / 1e6 if facts.width and facts.height else unknown
