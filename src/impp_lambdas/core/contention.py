"""Documents that several writers change at the same time: read, changed, and written if nobody else has meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

ATTEMPTS = 12
"""With the longest pauses, some twenty seconds."""
PAUSE_S, MAX_PAUSE_S = 0.1, 6.0


class Contended(RuntimeError):
    """Other writers changed the same item at every attempt. The state machine knows the name and retries later."""


def update(
    name: str,
    read: Callable[[], tuple[Any, str | None]],
    write_if: Callable[[Any, str | None], bool],
    change: Callable[[Any], Any],
) -> Any:
    """Change a document; returns what is there afterwards.

    `read` returns the document and its version, None without one. `change` makes a new document of it; without a
    change nothing is written. `write_if` writes it unless that version has been replaced, and returns whether it did.
    Raises Contended.
    """
    for attempt in range(ATTEMPTS):
        before, version = read()
        after = change(before)
        if after == before or write_if(after, version):
            return after
        pause = min(MAX_PAUSE_S, PAUSE_S * 2**attempt)
        time.sleep(random.uniform(0, pause))  # noqa: S311  jitter: other writers retry at the same time
    raise Contended(name)
