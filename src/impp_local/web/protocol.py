"""AWS's wire protocols by the botocore models: which operation a request means, its input, its output, its errors.

The heavy lifting is moto's: its parsers and serialisers follow the botocore service models, so an operation needs no
code of its own to be read from, or written to, query, JSON, REST-JSON or REST-XML. This module is the only one that
touches them. Protocols that only newer SDKs speak (Smithy RPC v2 CBOR) are not offered; SDKs fall back to JSON.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request as MotoRequest
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from impp_local.kernel.contract import AwsError, Response
from impp_local.kernel.defaults import HOST

SERVICE_BY_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
"""botocore service names that differ from the name that SigV4 signs with (from the models' `signingName`)."""

_VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?:s3[.-].*|localhost)(?::\d+)?$")


def service_of(signing_name: str) -> str:
    """botocore's name of the service that signs as `signing_name`."""
    return SERVICE_BY_SIGNING_NAME.get(signing_name, signing_name)


def to_path_style(environ: dict[str, Any]) -> None:
    """Rewrite a request to `<bucket>.s3...` or `<bucket>.localhost` to one with the bucket in the path."""
    name = environ.get("HTTP_HOST", "").lower()
    if host := _VIRTUAL_HOST.match(name):
        bucket = host["bucket"]
        environ["PATH_INFO"] = f"/{bucket}{environ['PATH_INFO']}"
        environ["RAW_URI"] = f"/{bucket}{environ['RAW_URI']}"
    if host or not name.startswith((HOST, "localhost", "[::1]")):  # moto must not read a bucket out of another name
        environ["HTTP_HOST"] = HOST


def model_of(service: str) -> Any | None:
    """The service's model, or None for an unknown service."""
    try:
        return get_service_model(service)
    except UnknownServiceError:
        return None


def wire_protocol(service: str, headers: Mapping[str, str]) -> str:
    """`json`, `query`, `rest-json` or `rest-xml`: the caller's protocol. `headers` has lower-case names."""
    if "x-amz-target" in headers:
        return "json"
    model = model_of(service)
    declared = [] if model is None else model.metadata.get("protocols", [model.protocol])
    rest = next((name for name in declared if name.startswith("rest-")), None)
    if rest:
        return str(rest)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "query"
    return "query" if "query" in declared else "json"


def named_operation(service: str, request: MotoRequest) -> tuple[str, dict[str, Any]]:
    """Name of the request's operation and the labels in its path; ("", {}) when the service has no such operation."""
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2], {}
    if model_of(service) is None:
        return request.values.get("Action", ""), {}
    try:
        operation, labels = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):
        return request.values.get("Action", ""), {}
    return str(operation.name), dict(labels)


def parsed_input(service: str, operation: str, request: MotoRequest, labels: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's input by the model. Raises AwsError for a body that cannot be read and for missing members."""
    try:
        model = get_service_model(service).operation_model(operation)
    except OperationNotFoundError:
        return {}
    protocol = wire_protocol(service, {name.lower(): value for name, value in request.headers.items()})
    try:
        parsed: dict[str, Any] = PROTOCOL_PARSERS[protocol](model).parse(
            {
                "method": request.method,
                "values": MultiDict() if protocol == "json" else request.values,  # parses the body as a form
                "headers": request.headers,
                "body": request.get_data(),
                "url_path": request.path,
                "url_params": dict(labels),
            }
        )
    except (RequestParserError, ValueError, AttributeError, TypeError) as error:
        raise AwsError("SerializationException", f"The request cannot be read: {error}") from error
    shape = model.input_shape
    missing = [name for name in (shape.required_members if shape else []) if parsed.get(name) is None]
    if missing:
        listed = ", ".join(missing)
        raise AwsError("ValidationException", f"Missing required parameter in the input: {listed}")
    return parsed


def serialised(service: str, operation: str, headers: Mapping[str, str], output: Mapping[str, Any] | None) -> Response:
    """An operation's output in the caller's protocol."""
    model = get_service_model(service)
    serializer = get_serializer_class(service, wire_protocol(service, headers))
    answer = serializer(operation_model=model.operation_model(operation)).serialize(dict(output or {}))
    body = answer["body"]
    response_headers = {str(name): str(value) for name, value in answer["headers"].items()}
    response_headers.setdefault("x-amzn-RequestId", request_id())
    return Response(answer["status_code"], response_headers, body.encode() if isinstance(body, str) else body)


def error_response(service: str, headers: Mapping[str, str], error: AwsError) -> Response:
    """An error in the caller's protocol, as AWS words it, with the status that the model gives its code."""
    status = _modelled_status(service, error.code) or error.status
    protocol = wire_protocol(service, headers)
    if protocol in ("json", "rest-json"):
        body = {"__type": error.code, "message": error.message, **error.members}
        content_type = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
        response_headers = {
            "Content-Type": content_type,
            "x-amzn-ErrorType": error.code,
            "x-amzn-RequestId": request_id(),
        }
        return Response(status, response_headers, json.dumps(body, default=str).encode())
    return _xml_error(service, status, error)


def unknown_operation(service: str, operation: str, headers: Mapping[str, str]) -> AwsError:
    """The error that AWS gives for an operation or a service that it does not have, by protocol."""
    subject = operation or "The requested operation"
    message = f"{subject} is not supported by {service} in the local cloud"
    match wire_protocol(service, headers):
        case "json":
            return AwsError("UnknownOperationException", message, 400)
        case "query":
            return AwsError("InvalidAction", message, 400)
        case "rest-json":
            return AwsError("UnknownOperationException", message, 404)
        case _:
            return AwsError("NotImplemented", message, 501)


def request_id() -> str:
    """A new request id in AWS's form."""
    return str(uuid.uuid4())


def _modelled_status(service: str, code: str) -> int | None:
    model = model_of(service)
    if model is None:
        return None
    for shape in model.error_shapes:
        details = shape.metadata.get("error", {})
        if code in (shape.name, details.get("code")):
            return int(details["httpStatusCode"]) if "httpStatusCode" in details else None
    return None


def _xml_error(service: str, status: int, error: AwsError) -> Response:
    members = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in error.members.items())
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>{members}"
    identifier = request_id()
    if service == "s3":
        body = f"<Error>{inner}<RequestId>{identifier}</RequestId></Error>"
    else:
        fault = "Sender" if status < 500 else "Receiver"
        described = f"<Error><Type>{fault}</Type>{inner}</Error>"
        body = f"<ErrorResponse>{described}<RequestId>{identifier}</RequestId></ErrorResponse>"
    headers = {"Content-Type": "text/xml" if service != "s3" else "application/xml", "x-amz-request-id": identifier}
    return Response(status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())
