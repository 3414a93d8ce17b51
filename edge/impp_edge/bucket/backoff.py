"""How long to wait before a request is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable

BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 20.0


def backoff(attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after failure number ``attempt`` (from 0): full jitter, so that many cards do not march in step.

    After "Exponential Backoff And Jitter", AWS Architecture Blog.
    """
    return chance() * min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(attempt, 16))
