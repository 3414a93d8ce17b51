"""What threads have freed goes back to the system."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.support.paths import REPOSITORY

BURST = """
import threading
from impp_local.kernel import memory
from impp_local.kernel.processes import resident

memory.limit()
kept = []
def burst():
    blocks = [bytes(100_000) for _ in range(100)]  # 10 MB, written
    kept.append(bytes(600))  # at the end of the arena, as what a request leaves behind
    del blocks

before = resident("self")
threads = [threading.Thread(target=burst) for _ in range(30)]
for thread in threads: thread.start()
for thread in threads: thread.join()
memory.release()
print((resident("self") - before) >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_memory_that_thirty_threads_have_freed_is_no_longer_resident() -> None:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    ended = subprocess.run([sys.executable, "-c", BURST], env=env, check=True, capture_output=True, text=True)
    assert int(ended.stdout) < 20
