"""Runs impp-edge and kills itself, by SIGKILL, before or after the first time that a step is taken.

Arguments: step, 1 for after, card, state folder, endpoint, bytes of a part.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from impp_edge import digest, sync
from impp_edge.config import Config, Folder
from impp_edge.state import State
from impp_edge.upload import Uploader

STEP, AFTER, CARD, STATE, ENDPOINT, PART = sys.argv[1:]


def deadly(real: Any) -> Any:
    """The step, and the end."""

    def step(*args: Any, **kwargs: Any) -> Any:
        if AFTER == "1":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return step


class Killed(Uploader):
    """An uploader whose client dies at one operation."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if hasattr(self._s3, STEP):
            setattr(self._s3, STEP, deadly(getattr(self._s3, STEP)))


def main() -> None:
    import impp_edge.upload

    impp_edge.upload.PART = int(PART)
    impp_edge.upload.Uploader = Killed  # type: ignore[misc]
    if STEP == "digest":
        digest.digest = deadly(digest.digest)
    if STEP == "remember":
        State.remember = deadly(State.remember)  # type: ignore[method-assign]
    if STEP == "remembered":
        sync._Run._finish = deadly(sync._Run._finish)  # type: ignore[method-assign]
    folder = Folder(Path(CARD), device="Blue Car", tags={"owner": "anna"})
    sync.run(Config(bucket="impp-edge-test", folders=(folder,), state=Path(STATE), endpoint_url=ENDPOINT, workers=2))


if __name__ == "__main__":
    main()
