"""Warm workers: reused, replaced, ended."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.local_cloud import Maker, wait_until, zipped

from impp_local.services.lambda_ import api, worker

pytestmark = pytest.mark.slow


def test_a_dead_worker_is_replaced(make: Maker) -> None:
    arn = make.function("import os\ndef handler(e, c):\n    return os._exit(1) if e.get('die') else os.getpid()")
    first, _, _ = make.invoke(arn)
    assert make.invoke(arn)[0] == first
    assert make.invoke(arn, {"die": True})[1] == "Unhandled"
    after, error, _ = make.invoke(arn)
    assert error is None and after != first


def test_a_worker_does_not_outlive_the_cloud(make: Maker) -> None:
    arn = make.function("import os\ndef handler(e, c): return os.getpid()")
    pid, _, _ = make.invoke(arn)
    (sandbox,) = [live for live in api.running().runner.pool.live() if live.process.pid == pid]
    sandbox._channel.shutdown(2)  # what the kernel does when the local cloud dies
    assert sandbox.process.wait(60) == 0


def test_a_busy_worker_does_not_outlive_the_cloud_either(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import time\ndef handler(e, c):\n    print('busy')\n    time.sleep(60)")
    ours, workers = socket.socketpair()
    request = {"id": "1", "arn": "a", "deadline": 0, "event": {}, "trace": "", "client": None}
    names = ("NAME", "VERSION", "MEMORY_SIZE")
    settings = {f"AWS_LAMBDA_FUNCTION_{name}": "1" for name in names} | {"AWS_LAMBDA_LOG_GROUP_NAME": "l"}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", worker.__file__, str(workers.fileno())],
        pass_fds=(workers.fileno(),), env=settings | {"AWS_LAMBDA_LOG_STREAM_NAME": "s"}, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        workers.close()
        for frame in ({"path": [str(tmp_path)], "runtime": [], "handler": "app.handler"}, request):
            data = json.dumps(frame).encode()
            ours.sendall(len(data).to_bytes(4, "big") + data)
        assert process.stdout and process.stdout.readline() == b"busy\n"
        ours.close()
        assert process.wait(60) == 0


def test_new_code_and_configuration_get_new_workers(make: Maker) -> None:
    client = make.client("lambda")
    arn = make.function("import os\ndef handler(e, c): return ['old', os.environ.get('X')]")
    assert make.invoke(arn)[0] == ["old", None]
    code = "import os\ndef handler(e, c): return ['new', os.environ.get('X')]"
    client.update_function_code(FunctionName=arn, ZipFile=zipped({"app.py": code}))
    assert make.invoke(arn)[0] == ["new", None]
    client.update_function_configuration(FunctionName=arn, Environment={"Variables": {"X": "1"}})
    assert make.invoke(arn)[0] == ["new", "1"]


def test_above_the_limit_the_longest_idle_worker_ends(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = api.running().runner.pool
    pool.reap(0)
    monkeypatch.setattr(pool, "idle_limit", 2)
    functions = [make.function("import os\ndef handler(e, c): return os.getpid()") for _ in range(3)]
    first, second, third = (make.invoke(function)[0] for function in functions)
    assert {sandbox.process.pid for sandbox in pool.live()} == {second, third}
    assert make.invoke(functions[0])[0] != first


def test_a_worker_that_is_busy_during_an_update_is_not_reused(make: Maker, tmp_path: Path) -> None:
    code = """
import pathlib, time

def handler(event, context):
    if event:
        pathlib.Path(event["started"]).touch()
        while not pathlib.Path(event["updated"]).exists():
            time.sleep(0.01)
    return "old"
"""
    arn = make.function(code)
    started, updated = tmp_path / "started", tmp_path / "updated"
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(make.invoke, arn, {"started": str(started), "updated": str(updated)})
        wait_until(started.exists)
        new = zipped({"app.py": code.replace("old", "new")})
        make.client("lambda").update_function_code(FunctionName=arn, ZipFile=new)
        updated.touch()
        assert busy.result()[0] == "old"
    assert make.invoke(arn)[0] == "new"
