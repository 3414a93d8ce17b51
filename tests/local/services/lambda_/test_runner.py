"""Functions run from their zips, alone in a process, and fail the way Lambda's do."""

from __future__ import annotations

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until, zipped

from impp_local.kernel import principals
from impp_local.services.lambda_ import api, runner


def invoke(make: Maker, function: str, event: Any = None, **settings: Any) -> tuple[Any, str | None, str]:
    """An invocation's answer, its error mark and the tail of its log."""
    answer = make.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps(event or {}), LogType="Tail", **settings
    )
    tail = base64.b64decode(answer["LogResult"]).decode()
    return json.loads(answer["Payload"].read()), answer.get("FunctionError"), tail


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
    answer, error, tail = invoke(make, arn, {"é": 1})
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
    role = principals.principal_of(env["AWS_ACCESS_KEY_ID"])
    assert role == make.client("lambda").get_function_configuration(FunctionName=arn)["Role"]
    assert "START RequestId:" in tail and "Max Memory Used:" in tail and "Init Duration:" in tail


def test_layers_bring_packages_and_the_last_one_wins(make: Maker) -> None:
    first = make.layer({"python/shared.py": "WHO = 'first'", "python/only.py": "X = 1"})
    second = make.layer({"python/shared.py": "WHO = 'second'"})
    code = "import shared, only\ndef handler(event, context): return [shared.WHO, only.X]"
    assert invoke(make, make.function(code, Layers=[first, second]))[0] == ["second", 1]
    answer, error, _ = invoke(make, make.function(code, Layers=[second]))
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert answer["errorMessage"] == "Unable to import module 'app': No module named 'only'"


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
    answer, error, tail = invoke(make, arn)
    request = tail.split("RequestId: ", 1)[1].split(" ", 1)[0]
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == (kind, message.format(id=request))
    if kind == "KeyError":
        assert answer["requestId"] == request
        assert "in handler" in answer["stackTrace"][0]
    if kind == "Sandbox.Timedout":
        assert "so far" in tail and "Task timed out after 1.00 seconds" in tail


def test_a_dead_worker_is_replaced(make: Maker) -> None:
    arn = make.function("import os\ndef handler(e, c):\n    return os._exit(1) if e.get('die') else os.getpid()")
    first, _, _ = invoke(make, arn)
    assert invoke(make, arn)[0] == first
    assert invoke(make, arn, {"die": True})[1] == "Unhandled"
    after, error, _ = invoke(make, arn)
    assert error is None and after != first


def test_a_worker_does_not_outlive_the_cloud(make: Maker) -> None:
    arn = make.function("import os\ndef handler(e, c): return os.getpid()")
    pid, _, _ = invoke(make, arn)
    (sandbox,) = [live for live in api.running().runner.pool.live() if live.process.pid == pid]
    sandbox._channel.shutdown(2)  # what the kernel does when the local cloud dies
    assert sandbox.process.wait(10) == 0


def test_new_code_and_configuration_get_new_workers(make: Maker) -> None:
    client = make.client("lambda")
    arn = make.function("import os\ndef handler(e, c): return ['old', os.environ.get('X')]")
    assert invoke(make, arn)[0] == ["old", None]
    code = "import os\ndef handler(e, c): return ['new', os.environ.get('X')]"
    client.update_function_code(FunctionName=arn, ZipFile=zipped({"app.py": code}))
    assert invoke(make, arn)[0] == ["new", None]
    client.update_function_configuration(FunctionName=arn, Environment={"Variables": {"X": "1"}})
    assert invoke(make, arn)[0] == ["new", "1"]


def test_configuration_that_terraform_reads_back(make: Maker) -> None:
    _, queue = make.queue()
    logging = {"LogFormat": "JSON", "LogGroup": make.name("/group")}
    arn = make.function(
        "def handler(e, c): print('hello')", DeadLetterConfig={"TargetArn": queue}, LoggingConfig=logging
    )
    found = make.client("lambda").get_function_configuration(FunctionName=arn)
    assert found["DeadLetterConfig"] == {"TargetArn": queue}
    assert found["LoggingConfig"] == logging
    invoke(make, arn)
    lines = make.client("logs").filter_log_events(logGroupName=logging["LogGroup"])["events"]
    assert [json.loads(line["message"])["type"] for line in (lines[0], lines[-1])] == [
        "platform.start",
        "platform.report",
    ]
    assert lines[1]["message"] == "hello"


def test_payload_limits_and_unknown_functions(make: Maker) -> None:
    client = make.client("lambda")
    arn = make.function("def handler(e, c): return 'x' * e.get('size', 0)")
    with pytest.raises(ClientError, match="RequestTooLargeException") as refused:
        client.invoke(FunctionName=arn, Payload=json.dumps({"x": "y" * (6 * 1024 * 1024)}))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    answer, error, _ = invoke(make, arn, {"size": 6 * 1024 * 1024})
    assert (error, answer["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        client.invoke(FunctionName=arn, Payload=b"{not json")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.invoke(FunctionName="nobody", Payload=b"{}")
    assert client.invoke(FunctionName=arn, InvocationType="DryRun")["StatusCode"] == 204


def test_concurrency_is_bounded_and_reserved_concurrency_throttles(make: Maker) -> None:
    code = "import os, time\ndef handler(e, c):\n    time.sleep(e['s'])\n    return os.getpid()"
    arn = make.function(code)
    with ThreadPoolExecutor(20) as pool:
        pids = [
            answer for answer, error, _ in pool.map(lambda _: invoke(make, arn, {"s": 0.2}), range(20)) if not error
        ]
    assert len(pids) == 20
    assert 1 < len(set(pids)) <= (os.cpu_count() or 1) * runner.WORKERS_PER_CORE
    make.client("lambda").put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(invoke, make, arn, {"s": 1})
        wait_until(lambda: api.in_flight())
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            lambdas_client(make).invoke(FunctionName=arn, Payload=b'{"s": 0}')
        assert busy.result()[1] is None


def lambdas_client(make: Maker) -> Any:
    """A client that does not retry throttled calls."""
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


def test_of_many_idle_workers_the_longest_unused_ends(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = api.running().runner.pool
    pool.reap(0)
    monkeypatch.setattr(pool, "idle_limit", 2)
    functions = [make.function("import os\ndef handler(e, c): return os.getpid()") for _ in range(3)]
    first, second, third = (invoke(make, function)[0] for function in functions)
    assert {sandbox.process.pid for sandbox in pool.live()} == {second, third}
    assert invoke(make, functions[0])[0] != first


def test_asynchronous_failures_are_retried_then_dead_lettered(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.running().events.dispatcher, "_base", 0.01)
    letters, letter_arn = make.queue()
    records, record_arn = make.queue()
    arn = make.function(
        "def handler(e, c):\n    print('TRY')\n    raise RuntimeError('never')",
        DeadLetterConfig={"TargetArn": letter_arn},
    )
    make.client("lambda").put_function_event_invoke_config(
        FunctionName=arn, DestinationConfig={"OnFailure": {"Destination": record_arn}}
    )
    answer = make.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=b'{"n": 1}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    (letter,) = make.messages(letters)
    assert json.loads(letter["Body"]) == {"n": 1}
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["ErrorMessage"] == "never" and attributes["ErrorCode"] == "200"
    (record,) = make.messages(records)
    report = json.loads(record["Body"])
    assert report["requestPayload"] == {"n": 1}
    assert report["requestContext"]["condition"] == "RetriesExhausted"
    assert report["requestContext"]["approximateInvokeCount"] == 3
    assert report["requestContext"]["requestId"] == attributes["RequestID"]
    assert report["responsePayload"]["errorType"] == "RuntimeError"
    group = f"/aws/lambda/{arn.rsplit(':', 1)[-1]}"
    printed = make.client("logs").filter_log_events(logGroupName=group)["events"]
    assert sum(event["message"] == "TRY" for event in printed) == 3
