"""Lambda's API where moto falls short: Invoke runs the code, and a function keeps all of its configuration."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

Answer = tuple[int, dict[str, str], str | bytes]

_created: Final = LambdaFunction.__init__
_configuration: Final = LambdaFunction.get_configuration
_update: Final = LambdaFunction.update_configuration


def install() -> None:
    """Put these in the place of moto's methods; twice is the same as once."""
    LambdaFunction.__init__ = _create  # type: ignore[method-assign]
    LambdaFunction.get_configuration = _describe  # type: ignore[method-assign]
    LambdaFunction.update_configuration = _change  # type: ignore[method-assign]
    LambdaFunction.invoke = _invoke_function  # type: ignore[method-assign,assignment]
    LambdaBackend.send_sns_message = _no_sns  # type: ignore[method-assign]
    LambdaResponse.invoke = _invoke  # type: ignore[method-assign]
    LambdaResponse.invoke_async = _invoke_async  # type: ignore[method-assign]


# --- configuration ----------------------------------------------------------------------------------------------------


def _create(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    _keep(self, spec)
    _created(self, account_id, spec, region, version)


def _keep(function: Any, spec: dict[str, Any]) -> None:
    """What moto drops: the dead letter's target and where and how to log."""
    function.dead_letter_arn = (spec.get("DeadLetterConfig") or {}).get("TargetArn")
    function.logging_config = spec.get("LoggingConfig") or {}


def _change(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    current: Any = self
    if "DeadLetterConfig" in config_updates:
        current.dead_letter_arn = (config_updates["DeadLetterConfig"] or {}).get("TargetArn")
    if "LoggingConfig" in config_updates:
        current.logging_config = config_updates["LoggingConfig"] or {}
    if "TracingConfig" in config_updates:
        self.tracing_config = config_updates["TracingConfig"]
    if "KMSKeyArn" in config_updates:
        self.kms_key_arn = config_updates["KMSKeyArn"]
    if "EphemeralStorage" in config_updates:
        self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
    _update(self, config_updates)
    return self.get_configuration()


def _describe(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    described = _configuration(self, on_create)
    extra: Any = self
    if arn := getattr(extra, "dead_letter_arn", None):
        described["DeadLetterConfig"] = {"TargetArn": arn}
    described["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"} | (
        getattr(extra, "logging_config", None) or {}
    )
    return described


# --- Invoke -----------------------------------------------------------------------------------------------------------


def _invoke(self: LambdaResponse) -> Answer:
    from impp_local.services.lambda_ import runner

    name = unquote(self.path.rsplit("/", 2)[-2])
    qualifier = self._get_param("Qualifier") or self._get_param("qualifier")
    function = runner.find(name, qualifier)
    payload = _body(self.body)
    kind = self.headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    if kind == "DryRun":
        return 204, {"status": "204"}, b""
    if kind == "Event":
        _json(payload)
        request = runner.runner().invoke_async(function, payload)
        return 202, {"status": "202", "x-amzn-RequestId": request}, b""
    if kind != "RequestResponse":
        raise LambdaClientError("InvalidParameterValueException", f"Unknown invocation type {kind}")
    done = runner.runner().invoke(function, payload, client=_client(self.headers.get("X-Amz-Client-Context")))
    headers = {
        "content-type": "application/json",
        "x-amz-executed-version": done.version,
        "x-amzn-RequestId": done.request_id,
    }
    if done.error:
        headers["x-amz-function-error"] = done.error
    if self.headers.get("X-Amz-Log-Type") == "Tail":
        headers["x-amz-log-result"] = runner.encode_tail(done)
    return 200, headers, done.payload


def _invoke_async(self: LambdaResponse) -> Answer:
    """The deprecated InvokeAsync."""
    from impp_local.services.lambda_ import runner

    index = -3 if self.path.endswith("/") else -2
    runner.runner().invoke_async(runner.find(unquote(self.path.rsplit("/", 3)[index])), _body(self.body))
    return 202, {"status": "202"}, b""


def _invoke_function(self: LambdaFunction, body: Any, _headers: Any, response_headers: Any) -> bytes:
    """What moto itself calls (event source mappings and the like)."""
    from impp_local.services.lambda_ import runner

    done = runner.runner().invoke(self, _body(body))
    if done.error:
        response_headers["x-amz-function-error"] = done.error
    return done.payload


def _no_sns(self: LambdaBackend, *args: Any, **kwargs: Any) -> None:
    raise NotImplementedError("SNS delivers to functions in notifications.py")


def _body(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _json(payload: bytes) -> None:
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise LambdaClientError("InvalidRequestContentException", message) from error


def _client(header: str | None) -> Any:
    try:
        return json.loads(base64.b64decode(header)) if header else None
    except (binascii.Error, ValueError) as error:
        raise LambdaClientError("InvalidRequestContentException", "Client context must be valid JSON") from error
