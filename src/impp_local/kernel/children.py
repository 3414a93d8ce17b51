"""Child processes that end with this one, however it ends, SIGKILL included.

    subprocess.Popen(command, process_group=children.group())

They are in a process group of their own, so Ctrl-C in a terminal reaches only this process, which decides what to tell
them. A small process, the reaper, leads the group and ends what is left of it when this process is gone.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress

from impp_local.kernel import reaper

GRACE_S = 10.0
"""How long children may take to end after SIGINT: Terraform, whose requests then fail, saves its state in 1 to 3."""

_lock = threading.RLock()  # a signal handler may end all children while the main thread starts one
_reaper: subprocess.Popen[bytes] | None = None


def group() -> int:
    """The process group of this process's children."""
    global _reaper
    with _lock:
        if _reaper is None or _reaper.poll() is not None:
            _reaper = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", reaper.__file__, str(GRACE_S)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert _reaper.stdout
            _reaper.stdout.read(1)  # the group is there
            _reaper.stdout.close()
        return _reaper.pid


def end_all() -> None:
    """Kill all children that still run, and whatever they started."""
    global _reaper
    with _lock:
        if _reaper is None:
            return
        assert _reaper.stdin
        with suppress(OSError):
            _reaper.stdin.write(b"k")
            _reaper.stdin.close()
        _reaper.wait()
        _reaper = None
