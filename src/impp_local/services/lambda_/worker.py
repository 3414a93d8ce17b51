"""The process in which one Lambda function runs; `sandbox` starts it.

Runs as ``python -I -S worker.py <channel fd>``, so that nothing of the local cloud or its virtual environment can be
imported; `sys.path` comes with the first message. Only the standard library is used here. Frames on the channel are a
4-byte length and JSON: first ``{"path": [...], "runtime": [...], "handler": "module.function"}`` →
``{"error": {...} | null}``, then for each invocation ``{"id", "arn", "deadline", "event", "trace", "client"}`` →
``{"payload", "error": bool}``. Descriptors 1 and 2 lead to one pipe; a line of ``MARK`` + request id there ends the
output of an invocation. Error shapes are those of AWS's own runtime interface client, awslambdaric
(https://github.com/aws/aws-lambda-python-runtime-interface-client).
"""

from __future__ import annotations

import decimal
import importlib
import json
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

MARK = "\x00end "


class Context:
    """Lambda's context object (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""

    identity = None

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id = request["id"]
        self.invoked_function_arn = request["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = request.get("client")
        self._deadline = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out."""
        return max(0, int((self._deadline - time.time()) * 1000))

    def log(self, message: Any) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


class Channel:
    """Frames of JSON over a descriptor that no child process inherits."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor

    def _read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            chunk = os.read(self._descriptor, size - len(read))
            if not chunk:
                os._exit(0)  # the local cloud has ended
            read += chunk
        return read

    def receive(self) -> Any:
        """The next frame; ends the process when the other side has closed the channel."""
        return json.loads(self._read(int.from_bytes(self._read(4), "big")))

    def send(self, value: Any) -> None:
        """Write a frame."""
        data = json.dumps(value).encode()
        view = memoryview(len(data).to_bytes(4, "big") + data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def end_with_the_cloud(descriptor: int) -> None:
    """End the process when the other side of the channel is gone, even in the middle of an invocation."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    poll.poll()
    os._exit(0)


class _Encoder(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, decimal.Decimal):
            return int(o) if o == o.to_integral_value() else float(o)
        return super().default(o)


def failure(kind: str, message: str, trace: list[str] | None = None, request: str = "") -> dict[str, Any]:
    """An error as the Python runtime reports it."""
    return {"errorMessage": message, "errorType": kind, "requestId": request, "stackTrace": trace or []}


def load(handler: str) -> tuple[Callable[[Any, Context], Any] | None, dict[str, Any] | None]:
    """The handler function, or the error that the runtime reports when it cannot be loaded."""
    if "." not in handler:
        return None, failure("Runtime.MalformedHandlerName", f"Bad handler '{handler}': not enough values to unpack")
    module_name, function_name = handler.replace("/", ".").rsplit(".", 1)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        return None, failure("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        return None, failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace)
    except Exception as error:
        return None, failure(type(error).__name__, str(error), frames(error.__traceback__))
    function = getattr(module, function_name, None)
    if function is None:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, failure("Runtime.HandlerNotFound", message)
    return function, None


def frames(trace: TracebackType | None) -> list[str]:
    """The stack below this file, as text lines."""
    entries = traceback.extract_tb(trace)
    return traceback.format_list([e for e in entries if e.filename != __file__ and "importlib" not in e.filename])


def run(function: Callable[[Any, Context], Any], request: dict[str, Any]) -> dict[str, Any]:
    """One invocation: its answer, or its error as the runtime reports it."""
    os.environ["_X_AMZN_TRACE_ID"] = request["trace"]
    try:
        result = function(request["event"], Context(request))
    except Exception as error:
        report = failure(type(error).__name__, str(error), frames(error.__traceback__), request["id"])
        text = "".join(["Traceback (most recent call last):\n", *report["stackTrace"]])
        print(f"[ERROR] {report['errorType']}: {report['errorMessage']}\n{text}", flush=True)
        return {"payload": json.dumps(report), "error": True}
    try:
        return {"payload": json.dumps(result, cls=_Encoder, ensure_ascii=False), "error": False}
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        print(f"[ERROR] Runtime.MarshalError: {message}", flush=True)
        return {"payload": json.dumps(failure("Runtime.MarshalError", message, [], request["id"])), "error": True}


def main() -> None:
    """Initialise once, then answer invocations until the other side closes the channel."""
    descriptor = int(sys.argv[1])
    channel = Channel(descriptor)
    threading.Thread(target=end_with_the_cloud, args=(descriptor,), daemon=True).start()
    setup = channel.receive()
    sys.argv = [setup["handler"]]
    sys.path[:0] = setup["path"]
    sys.path += setup["runtime"]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    function, error = load(setup["handler"])
    channel.send({"error": error})
    while function:
        request = channel.receive()
        answer = run(function, request)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(2, f"{MARK}{request['id']}\n".encode())
        channel.send(answer)


if __name__ == "__main__":
    main()
