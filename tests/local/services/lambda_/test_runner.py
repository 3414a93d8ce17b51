"""Functions run from their zips in separate processes, and their errors look like Lambda's."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until

from impp_local.kernel import principals
from impp_local.services.lambda_ import api, runner, sandbox

pytestmark = pytest.mark.slow


def test_environment_context_and_isolation(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_HOST", "do not leak")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    code = """
        import os, sys, boto3
        def handler(event, context):
            try:
                import moto
            except ImportError as error:
                missing = str(error)
            return {"env": dict(os.environ), "missing": missing, "event": event, "boto3": boto3.__version__,
                    "left": context.get_remaining_time_in_millis(), "name": context.function_name,
                    "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
                    "caller": boto3.client("sts").meta.endpoint_url}
    """
    arn = make.function(code, Environment={"Variables": {"IMPP_X": "ü"}}, Timeout=7, MemorySize=300)
    answer, error, tail = make.invoke(arn, {"é": 1})
    env = answer["env"]
    name = arn.rsplit(":", 1)[-1]
    assert error is None, answer
    assert answer["missing"] == "No module named 'moto'"
    assert answer["event"] == {"é": 1}
    assert 0 < answer["left"] <= 7000
    assert (answer["name"], answer["arn"], answer["memory"]) == (name, arn, "300")
    assert answer["caller"] == make.cloud.endpoint
    assert "A_SECRET_OF_THE_HOST" not in env and "HTTPS_PROXY" not in env and "HOME" not in env
    assert env["IMPP_X"] == "ü"
    assert env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "300"
    assert env["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert env["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{name}"
    session = principals.session_of(env["AWS_ACCESS_KEY_ID"], env["AWS_SESSION_TOKEN"])
    role = make.client("lambda").get_function_configuration(FunctionName=arn)["Role"]
    assert session == principals.Session(role, name)
    assert "START RequestId:" in tail and "Max Memory Used:" in tail and "Init Duration:" in tail


def test_layers_provide_packages_and_the_last_one_wins(make: Maker) -> None:
    first = make.layer({"python/shared.py": "WHO = 'first'", "python/only.py": "X = 1"})
    second = make.layer({"python/shared.py": "WHO = 'second'"})
    code = "import shared, only\ndef handler(event, context): return [shared.WHO, only.X]"
    assert make.invoke(make.function(code, Layers=[first, second]))[0] == ["second", 1]
    answer, error, _ = make.invoke(make.function(code, Layers=[second]))
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert answer["errorMessage"] == "Unable to import module 'app': No module named 'only'"


def test_a_layers_boto3_is_imported_before_the_runtimes(make: Maker) -> None:
    code = "import boto3\ndef handler(event, context): return boto3.__version__"
    layer = make.layer({"python/boto3/__init__.py": "__version__ = 'of the layer'"})
    assert make.invoke(make.function(code, Layers=[layer]))[0] == "of the layer"


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("raise KeyError('gone')", "KeyError", "'gone'"),
        (
            "import os; os._exit(3)",
            "Runtime.ExitError",
            "RequestId: {id} Error: Runtime exited with error: exit status 3",
        ),
        (
            "import os; os._exit(0)",
            "Runtime.ExitError",
            "RequestId: {id} Error: Runtime exited without providing a reason",
        ),
        (
            "import os; os.kill(os.getpid(), 11)",
            "Runtime.ExitError",
            "RequestId: {id} Error: Runtime exited with error: signal: segmentation fault",
        ),
        (
            "return {1, 2}",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
        (
            "x = bytearray(500_000_000); import time; time.sleep(50); return len(x)",
            "Runtime.OutOfMemory",
            "RequestId: {id} Error: Runtime exited with error: signal: killed",
        ),
        (
            "import time; print('so far', flush=True); time.sleep(30)",
            "Sandbox.Timedout",
            "RequestId: {id} Error: Task timed out after 1.00 seconds",
        ),
    ],
)
def test_error_shapes(make: Maker, body: str, kind: str, message: str) -> None:
    limit = 1 if kind == "Sandbox.Timedout" else 60
    arn = make.function(f"def handler(event, context):\n    {body}", Timeout=limit)
    answer, error, tail = make.invoke(arn)
    request = tail.split("RequestId: ", 1)[1].split(" ", 1)[0]
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == (kind, message.format(id=request))
    if kind == "KeyError":
        assert answer["requestId"] == request
        assert "in handler" in answer["stackTrace"][0]
    if kind == "Sandbox.Timedout":
        assert "so far" in tail and "Task timed out after 1.00 seconds" in tail


def test_concurrency_is_bounded_and_reserved_concurrency_throttles(make: Maker, tmp_path: Path) -> None:
    code = """
        import os, time
        def handler(event, context):
            time.sleep(event["s"])
            while not os.path.exists(event["until"]):
                time.sleep(0.02)
            return os.getpid()
    """
    arn = make.function(code, Timeout=60)
    quick, held = {"s": 0.1, "until": "/"}, {"s": 0, "until": str(tmp_path / "over")}
    with ThreadPoolExecutor(20) as pool:
        pids = [answer for answer, error, _ in pool.map(lambda _: make.invoke(arn, quick), range(20)) if not error]
    assert len(pids) == 20
    assert 1 < len(set(pids)) <= (os.cpu_count() or 1) * runner.WORKERS_PER_CORE
    make.client("lambda").put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(make.invoke, arn, held)
        wait_until(lambda: api.running().in_flight())
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            client_without_retries(make).invoke(FunctionName=arn, Payload=json.dumps(quick))
        (tmp_path / "over").touch()
        assert busy.result()[1] is None


def client_without_retries(make: Maker) -> Any:
    """A client of Lambda that does not retry throttled calls."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "lambda",
        endpoint_url=make.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_function_with_a_whole_core_waits_until_there_is_one(make: Maker) -> None:
    code = """
        import time
        def handler(event, context):
            started = time.monotonic()
            time.sleep(0.3)
            return [started, time.monotonic()]
    """
    function = make.function(code, MemorySize=runner.WHOLE_CORE_MB)
    with ThreadPoolExecutor() as pool:
        runs = sorted(pool.map(lambda _: make.invoke(function)[0], range(2 * (os.cpu_count() or 1) + 1)))
    for moment in (started for started, _ in runs):
        assert sum(started <= moment < ended for started, ended in runs) <= (os.cpu_count() or 1)


def test_a_sandbox_that_two_threads_end_at_once_ends(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the cloud stops while an invocation is aborted."""
    started: list[sandbox.Sandbox] = []
    start = sandbox.Sandbox.__init__

    def remember(self: sandbox.Sandbox, *args: Any) -> None:
        start(self, *args)
        started.append(self)

    monkeypatch.setattr(sandbox.Sandbox, "__init__", remember)
    make.invoke(make.function("def handler(event, context): pass"))
    (one,) = started
    is_read, is_closed, read = threading.Event(), threading.Event(), os.read

    def read_slowly(file: int, size: int) -> bytes:
        if file == one._logs and not is_read.is_set():
            is_read.set()
            is_closed.wait(0.3)  # the other thread closes the pipe meanwhile, if it may
        return read(file, size)

    monkeypatch.setattr(sandbox.os, "read", read_slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one.kill)
        assert is_read.wait(30)
        second = pool.submit(one.kill)
        second.add_done_callback(lambda _: is_closed.set())
        first.result(30)
        second.result(30)
