"""Runs impp-edge and kills itself by SIGKILL, before or after the first call of a step.

Arguments: step, 1 for after, card, state folder, endpoint, bytes of a part.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from impp_edge.bucket import s3
from impp_edge.card import work_queue
from impp_edge.config import Config, Folder
from impp_edge.memory import custody, state
from impp_edge.run import sync, upload, workers

STEP, AFTER, CARD, STATE, ENDPOINT, PART = sys.argv[1:]
WHERE: dict[str, Any] = {
    "digest": workers, "begin": state.State, "create": s3.S3, "put": s3.S3, "part": s3.S3, "complete": s3.S3,
    "append": custody.Log, "remember": state.State, "done": work_queue.WorkQueue,
}  # fmt: skip


def kill_at_call(real: Any) -> Any:
    """The step, followed by SIGKILL."""

    def step(*args: Any, **kwargs: Any) -> Any:
        if AFTER == "1":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return step


def main() -> None:
    upload.PART = int(PART)
    setattr(WHERE[STEP], STEP, kill_at_call(getattr(WHERE[STEP], STEP)))
    folder = Folder(Path(CARD), device="Blue Car", tags={"owner": "anna"})
    sync.run(Config(bucket="impp-edge-test", folders=(folder,), state=Path(STATE), endpoint_url=ENDPOINT, workers=2))


if __name__ == "__main__":
    main()
