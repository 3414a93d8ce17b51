"""Kills the process by SIGKILL, before or after the first call of a step of a run."""

from __future__ import annotations

import os
import signal
from typing import Any

from impp_edge.bucket import s3
from impp_edge.card import work_queue
from impp_edge.memory import custody, state
from impp_edge.run import workers

WHERE: dict[str, Any] = {
    "digest": workers, "begin": state.State, "create": s3.S3, "put": s3.S3, "part": s3.S3, "complete": s3.S3,
    "append": custody.Log, "remember": state.State, "done": work_queue.WorkQueue,
}  # fmt: skip


def kill_at(step: str, after: bool) -> None:
    """Replace the step, named as in :data:`WHERE`, by SIGKILL, or let SIGKILL follow it."""
    real = getattr(WHERE[step], step)

    def killed(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(WHERE[step], step, killed)
