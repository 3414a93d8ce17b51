"""Child processes end with their parent, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from tests.support.local_cloud import wait_until
from tests.support.paths import REPOSITORY
from tests.support.processes import is_running

from impp_local.kernel import children

PARENT = """
import subprocess, sys, time
from impp_local.kernel import children
children.GRACE_S = 0.5
command = ["sh", "-c", sys.argv[1]]
child = subprocess.Popen(command, process_group=children.group(), stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), flush=True)
time.sleep(60)
"""
OBEDIENT = "echo $$; exec sleep 60"
STUBBORN = 'trap "" INT TERM HUP; sleep 60 & echo $!; wait; wait'
"""It ignores signals, as terraform-provider-aws does, and so does its own child."""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("script", [OBEDIENT, STUBBORN])
def test_no_child_survives_its_parent(number: signal.Signals, script: str) -> None:
    env = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, script], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert is_running(child)
        os.kill(parent.pid, number)
    wait_until(lambda: not is_running(child), 20)


def test_a_childs_group_is_not_its_parents() -> None:
    with subprocess.Popen(["sleep", "60"], process_group=children.group()) as child:
        assert os.getpgid(child.pid) != os.getpgid(0)
        children.end_all()
        assert child.wait(timeout=60) == -signal.SIGKILL
    assert children.group() != 0  # another reaper
    children.end_all()
