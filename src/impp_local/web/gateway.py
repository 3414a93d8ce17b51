"""One port for every service: a WSGI application that routes each request to our own services or to moto.

A request is parsed once into a `Call`; its service is the one that its SigV4 signature names. Order: pages (the cloud's
own `/_impp/...`, CloudFront's viewers), a service of our own, moto. Every error is answered in the protocol of the
service, never with a page of HTML.
"""

from __future__ import annotations

import http.client
import logging
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from impp_local.kernel import moto
from impp_local.kernel.contract import AwsError, Call, Response, Service
from impp_local.kernel.defaults import REGION
from impp_local.web import hosts, protocol

LOG = logging.getLogger(__name__)

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Page = Callable[[Call], Response | None]
"""Answers a request that is not an API call; None for all others."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/(?:([^/]+)/)?([^/]+)/aws4_request")
"""The scope of SigV4, and that of SigV4A, which names no region."""
_S3_CONTROL_PATH = "/v20180820/"
"""Paths of S3 Control, which signs as S3 does."""
_SAGEMAKER_RUNTIME_PATH = "/endpoints/"
"""Paths of SageMaker Runtime, which signs as SageMaker does."""


def parse_head(environ: dict[str, Any]) -> Call:
    """The call without its operation and body."""
    # The first value of a name counts, so pairs are read from the last to the first.
    pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    query = dict(reversed(pairs))
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    service, region, access_key = _caller(headers.get("authorization", ""), query)
    if service == "s3" and environ["PATH_INFO"].startswith(_S3_CONTROL_PATH):
        service = "s3control"
    if service == "sagemaker" and environ["PATH_INFO"].startswith(_SAGEMAKER_RUNTIME_PATH):
        service = "sagemaker-runtime"
    return Call(
        service=service,
        method=environ["REQUEST_METHOD"],
        path=_path(environ),
        query=query,
        headers=headers,
        environ=environ,
        region=region,
        access_key=access_key,
    )


def _path(environ: Mapping[str, Any]) -> str:
    return str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")


def _caller(authorization: str, query: Mapping[str, str]) -> tuple[str, str, str | None]:
    """Service, region and access key of the SigV4 scope, in the header or a presigned URL; S3 when unsigned."""
    if scope := _CREDENTIAL.search(authorization):
        access_key, region, signing_name = scope.groups()
        return protocol.service_of(signing_name.lower()), region or REGION, access_key
    parts = query.get("X-Amz-Credential", "").split("/")
    if len(parts) == 5:
        return protocol.service_of(parts[3].lower()), parts[2], parts[0]
    if authorization.startswith("AWS "):  # SigV2, spoken by old S3 tools only
        return "s3", REGION, authorization[4:].split(":")[0]
    return "s3", REGION, query.get("AWSAccessKeyId")


def read_body(environ: dict[str, Any]) -> bytes:
    """The whole body, whether it has a Content-Length or comes in chunks of HTTP."""
    stream = environ["wsgi.input"]
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        return bytes(stream.read())
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(stream.read(length)) if length else b""


def read_operation(call: Call) -> None:
    """Read the body, and find out which operation the request means."""
    if call.service == "s3":
        protocol.to_path_style(call.environ)
        call.path = _path(call.environ)
    call.body = read_body(call.environ)
    reread = moto.request_of(moto.environ_with_body(call.environ, call.body))
    call.operation, labels = protocol.named_operation(call.service, reread)
    call.parse = lambda: protocol.parsed_input(call.service, call.operation, reread, labels)
    call.forward = lambda: forward_to_moto(call)


def forward_to_moto(call: Call) -> Response:
    """moto's answer. Raises AwsError for an operation that moto lacks."""
    try:
        answer = moto.call(call.service, call.operation, moto.environ_with_body(call.environ, call.body))
    except (NotImplementedError, moto.NoSuchBackend):
        raise protocol.unknown_operation(call.service, call.operation, call.headers) from None
    # Flask has no route for the path of an operation that moto lacks, and says so in HTML.
    if answer.status in (404, 405) and b"<!doctype html>" in bytes(answer.body)[:20].lower():  # type: ignore[arg-type]
        raise protocol.unknown_operation(call.service, call.operation, call.headers)
    return answer


def send(response: Response, method: str, start_response: StartResponse) -> Iterable[bytes]:
    """Hand a response to WSGI."""
    phrase = http.client.responses.get(response.status, "Unknown")
    if isinstance(response.body, bytes) and method != "HEAD":
        response.headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
        response.headers["Content-Length"] = str(len(response.body))
    headers = [(str(k), str(v)) for k, v in response.headers.items()]
    start_response(f"{response.status} {phrase}", [*headers, *(("Set-Cookie", one) for one in response.cookies)])
    if method == "HEAD":
        return []
    return [response.body] if isinstance(response.body, bytes) else response.body


class Guard(Protocol):
    """Judges API calls."""

    def check(self, call: Call) -> None:
        """Before a call is answered. Raises AwsError for a caller who may not make it."""

    def conceal(self, call: Call, response: Response) -> Response:
        """The answer, as far as the caller may know it. Raises AwsError."""


class Gateway:
    """The WSGI application.

    `find_service` returns our own service by botocore's name, `pages` answer before any service is asked, `meter` sees
    each API call with its response; `has_host` knows the host names of services, `guard` who may do what.
    """

    def __init__(
        self,
        find_service: Callable[[str], Service | None],
        pages: Iterable[Page] = (),
        meter: Callable[[Call, Response], None] = lambda _call, _response: None,
        has_host: hosts.HasHost = lambda _name: False,
        guard: Guard | None = None,
    ) -> None:
        self._find_service = find_service
        self._pages = list(pages)
        self._meter = meter
        self._has_host = has_host
        self._guard = guard

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["RAW_URI"] = environ.get("REQUEST_URI") or environ.get("RAW_URI", "")
        call = parse_head(environ)
        return send(self._answer(call), call.method, start_response)

    def _answer(self, call: Call) -> Response:
        refusal = hosts.refusal(call, self._has_host)
        if refusal:
            return Response.of_json({"message": refusal}, 403)
        try:
            for page in self._pages:
                answer = page(call)
                if answer is not None:
                    return answer
            read_operation(call)
            if self._guard:
                self._guard.check(call)
            response = self._call_service(call)
            if self._guard:
                response = self._guard.conceal(call, response)
        except AwsError as error:
            response = protocol.error_response(call.service, call.headers, error)
        except Exception as error:
            return _unexpected(call, error)
        self._meter(call, response)
        hosts.disarm(call, response)
        return response

    def _call_service(self, call: Call) -> Response:
        service = self._find_service(call.service)
        handle = service.handler(call.operation) if service else None
        output = handle(call) if handle else call.forward()
        if isinstance(output, Response):
            return output
        return protocol.serialised(call.service, call.operation, call.headers, output)


def _unexpected(call: Call, error: Exception) -> Response:
    if isinstance(error, NotImplementedError):
        unknown = protocol.unknown_operation(call.service, str(error), call.headers)
        return protocol.error_response(call.service, call.headers, unknown)
    where = f"{call.service} {call.method} {call.headers.get('x-amz-target', call.path)}"
    LOG.error("%s failed:\n%s", where, "".join(traceback.format_exception(error)))
    failure = AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500)
    return protocol.error_response(call.service, call.headers, failure)
