"""Lambda's API where moto 5.2.5 falls short: Invoke runs the code, and a function keeps all of its configuration."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.utils import get_backend

from impp_local.kernel import functions, targets
from impp_local.kernel.contract import Cloud, Service
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.functions import Report, Wait
from impp_local.services.lambda_.asynchronous import EventQueue
from impp_local.services.lambda_.runner import Runner, decode_event, find_function

Answer = tuple[int, dict[str, str], str | bytes]


class Functions:
    """The functions of this local cloud: :class:`impp_local.kernel.functions.FunctionRuntime`."""

    def __init__(self, cloud: Cloud) -> None:
        self.runner = Runner(cloud.endpoint, cloud.state)
        self.events = EventQueue(self.runner, cloud.store)

    def invoke(
        self,
        name: str,
        payload: bytes,
        *,
        qualifier: str | None = None,
        owner: str | None = None,
        wait: Wait | None = None,
    ) -> Report:
        """Run a function and wait for it."""
        return self.runner.invoke(find_function(name, qualifier), payload, owner=owner, wait=wait)

    def invoke_async(self, name: str, payload: bytes, *, qualifier: str | None = None, owner: str | None = None) -> str:
        """Queue an event for a function; returns the request id."""
        return self.events.add(find_function(name, qualifier), payload, owner)

    def of_url(self, host: str) -> str | None:
        """The ARN of the function whose URL has a host name."""
        for function in get_backend(ACCOUNT, REGION).list_functions():
            if function.url_config and function.url_config.url.rstrip("/") == f"https://{host}":
                return str(function.function_arn)
        return None

    def in_flight(self) -> int:
        """Invocations that run or wait."""
        return self.runner.in_flight() + self.events.in_flight()

    def close(self) -> None:
        """End all workers; queued events stay on disk."""
        self.events.dispatcher.close()
        self.runner.close()


_functions: Functions | None = None


def running() -> Functions:
    """The functions of the local cloud that is up. Raises RuntimeError when none is."""
    if _functions is None:
        raise RuntimeError("The local cloud is not up")
    return _functions


class Lambda(Service):
    """Runs functions. The API that manages them is moto's, corrected."""

    name = "lambda"

    def __init__(self, cloud: Cloud) -> None:
        self._functions = Functions(cloud)

    def start(self) -> None:
        """Run functions. They are targets."""
        global _functions
        _functions = self._functions
        functions.register(self._functions)
        targets.register("lambda", receive)
        _replace_in_moto()

    def resume(self) -> None:
        """Continue with the events that are queued."""
        self._functions.events.dispatcher.resume()

    def suspend(self) -> None:
        """Leave the events that are queued."""
        self._functions.events.dispatcher.suspend()

    def close(self) -> None:
        """End all workers."""
        global _functions
        functions.register(None)
        _functions = None
        self._functions.close()

    def work(self) -> Mapping[str, int]:
        """Invocations that run or wait."""
        return {"invocations": self._functions.in_flight()}

    def metrics(self) -> Mapping[str, Any]:
        """``{workers, workers_rss_bytes, cold_starts}``."""
        return self._functions.runner.pool.metrics()


def receive(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    """Queue what was sent to a function's ARN."""
    functions.invoke_async(arn, payload.encode())


def _replace_in_moto() -> None:
    """Replace what moto 5.2.5 does wrong. Idempotent."""
    # CreateFunction and UpdateFunctionConfiguration drop DeadLetterConfig and LoggingConfig; the latter also drops
    # TracingConfig, KMSKeyArn and EphemeralStorage. Can go when GetFunctionConfiguration returns all of them.
    LambdaFunction.__init__ = _create  # type: ignore[method-assign]
    LambdaFunction.update_configuration = _update  # type: ignore[method-assign]
    LambdaFunction.get_configuration = _describe  # type: ignore[method-assign]
    # Functions run in Docker containers, a new one per invocation, or not at all (Invoke then echoes the request). Can
    # go when moto runs a function in a process and keeps it warm.
    LambdaFunction.invoke = _invoke_from_moto  # type: ignore[method-assign,assignment]
    # Invoke runs an event before it answers, ignores ClientContext, and does not know Lambda's limits, retries, dead
    # letters and destinations. Can go together with the line above.
    LambdaResponse.invoke = _invoke  # type: ignore[method-assign]
    LambdaResponse.invoke_async = _invoke_async  # type: ignore[method-assign]


# --- configuration ----------------------------------------------------------------------------------------------------

_create_in_moto: Final = LambdaFunction.__init__
_update_in_moto: Final = LambdaFunction.update_configuration
_describe_in_moto: Final = LambdaFunction.get_configuration


def _create(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    _keep(self, spec)
    _create_in_moto(self, account_id, spec, region, version)


def _update(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    _keep(self, config_updates)
    if "TracingConfig" in config_updates:
        self.tracing_config = config_updates["TracingConfig"]
    if "KMSKeyArn" in config_updates:
        self.kms_key_arn = config_updates["KMSKeyArn"]
    if "EphemeralStorage" in config_updates:
        self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
    _update_in_moto(self, config_updates)
    return self.get_configuration()


def _keep(function: Any, settings: Mapping[str, Any]) -> None:
    """Keep what moto drops: the dead letter's target, and where and how to log."""
    if "DeadLetterConfig" in settings:
        function.dead_letter_arn = (settings["DeadLetterConfig"] or {}).get("TargetArn")
    if "LoggingConfig" in settings:
        function.logging_config = settings["LoggingConfig"] or {}


def _describe(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    configuration = _describe_in_moto(self, on_create)
    if arn := getattr(self, "dead_letter_arn", None):
        configuration["DeadLetterConfig"] = {"TargetArn": arn}
    default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
    configuration["LoggingConfig"] = default | (getattr(self, "logging_config", None) or {})
    return configuration


# --- Invoke -----------------------------------------------------------------------------------------------------------


def _invoke(self: LambdaResponse) -> Answer:
    """Invoke in its three ways: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html."""
    name = unquote(self.path.rsplit("/", 2)[-2])
    qualifier = self._get_param("Qualifier") or self._get_param("qualifier")
    function = find_function(name, qualifier)
    payload = _bytes(self.body)
    kind = self.headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    if kind == "DryRun":
        return 204, {"status": "204"}, b""
    if kind == "Event":
        decode_event(payload)
        request_id = running().events.add(function, payload)
        return 202, {"status": "202", "x-amzn-RequestId": request_id}, b""
    if kind != "RequestResponse":
        raise LambdaClientError("InvalidParameterValueException", f"Unknown invocation type {kind}")
    context = _client_context(self.headers.get("X-Amz-Client-Context"))
    report = running().runner.invoke(function, payload, client_context=context)
    headers = {
        "content-type": "application/json",
        "x-amz-executed-version": report.version,
        "x-amzn-RequestId": report.request_id,
    }
    if report.error:
        headers["x-amz-function-error"] = report.error
    if self.headers.get("X-Amz-Log-Type") == "Tail":
        headers["x-amz-log-result"] = base64.b64encode(report.log_tail).decode()
    return 200, headers, report.payload


def _invoke_async(self: LambdaResponse) -> Answer:
    """The deprecated InvokeAsync."""
    index = -3 if self.path.endswith("/") else -2
    function = find_function(unquote(self.path.rsplit("/", 3)[index]))
    running().events.add(function, _bytes(self.body))
    return 202, {"status": "202"}, b""


def _invoke_from_moto(self: LambdaFunction, body: Any, _headers: Any, response_headers: Any) -> bytes:
    """An invocation by moto itself, which does so for event source mappings."""
    report = running().runner.invoke(self, _bytes(body))
    if report.error:
        response_headers["x-amz-function-error"] = report.error
    return report.payload


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _client_context(header: str | None) -> Any:
    try:
        return json.loads(base64.b64decode(header)) if header else None
    except (binascii.Error, ValueError) as error:
        raise LambdaClientError("InvalidRequestContentException", "Client context must be valid JSON") from error
