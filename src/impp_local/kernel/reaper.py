"""The process that ends what its parent leaves behind; `kernel.children` starts it.

Runs as `python -I -S reaper.py SECONDS` with its standard input on a pipe that only the parent holds open for writing.
It leads the process group of the parent's children. When the pipe closes, however the parent ended, the children get
SIGINT (so that Terraform can save its state), and SIGKILL after those seconds. A `k` on the pipe ends them at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

TICK_S = 0.05


def main() -> None:
    """Wait for the parent's end, then for the children's."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    group = os.getpid()
    os.setpgid(0, 0)
    os.write(1, b"\n")
    at_once = False
    while word := os.read(0, 1):
        at_once = word == b"k"
        if at_once:
            break
    if os.fork():
        os._exit(0)  # a group is empty only when its leader has left it too
    os.setpgid(0, 0)
    _end(group, 0.0 if at_once else float(sys.argv[1]))


def _end(group: int, grace_s: float) -> None:
    deadline = time.monotonic() + grace_s
    with suppress(ProcessLookupError, PermissionError):
        if grace_s:
            os.killpg(group, signal.SIGINT)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(TICK_S)
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
