"""One port for every service: a WSGI application that routes each request to our own services or to moto.

A request's service is the one that its SigV4 signature names. Order: the cloud's own pages (`/_impp/...`), CloudFront's
viewers, S3 (which checks what moto does not, see `s3`), a service of our own, moto. Whatever goes wrong is answered in
the protocol of the service, never with a page of HTML.
"""

from __future__ import annotations

import http.client
import logging
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from impp_local.kernel import moto
from impp_local.kernel.contract import AwsError, Call, Response, Service
from impp_local.kernel.defaults import REGION
from impp_local.web import protocol

LOG = logging.getLogger(__name__)

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Page = Callable[[dict[str, Any]], Response | None]
"""Answers a raw WSGI request, or None to let it pass on."""


@dataclass(frozen=True)
class Caller:
    """Who calls which service, as the request is signed."""

    service: str
    region: str
    access_key: str | None


def caller_of(environ: Mapping[str, Any]) -> Caller:
    """Read the SigV4 scope from the Authorization header or a presigned URL; unsigned requests are taken for S3's."""
    scope = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope:
        access_key, region, signing_name = scope.groups()
        return Caller(protocol.service_of(signing_name.lower()), region, access_key)
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    parts = query.get("X-Amz-Credential", "").split("/")
    if len(parts) == 5:
        return Caller(protocol.service_of(parts[3].lower()), parts[2], parts[0])
    if environ.get("HTTP_AUTHORIZATION", "").startswith("AWS "):  # SigV2, spoken by old S3 tools only
        return Caller("s3", REGION, environ["HTTP_AUTHORIZATION"][4:].split(":")[0])
    return Caller("s3", REGION, query.get("AWSAccessKeyId"))


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers with lower-case names."""
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def read_body(environ: dict[str, Any]) -> bytes:
    """The whole body, whether it has a Content-Length or comes in chunks of HTTP."""
    stream = environ["wsgi.input"]
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        return bytes(stream.read())
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(stream.read(length)) if length else b""


class Gateway:
    """The WSGI application. `service` finds our own by botocore's name; `pages` answer before any service is asked."""

    def __init__(
        self,
        service: Callable[[str], Service | None],
        pages: Iterable[Page] = (),
        s3: Callable[[dict[str, Any], Caller], Response] | None = None,
        meter: Callable[[Call, Response], None] | None = None,
    ) -> None:
        self.service = service
        self._pages = list(pages)
        self._s3 = s3
        self._meter = meter

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["RAW_URI"] = environ.get("REQUEST_URI") or environ.get("RAW_URI", "")
        response = self._answer(environ)
        phrase = http.client.responses.get(response.status, "Unknown")
        if isinstance(response.body, bytes) and environ["REQUEST_METHOD"] != "HEAD":
            response.headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
            response.headers["Content-Length"] = str(len(response.body))
        start_response(f"{response.status} {phrase}", [(str(k), str(v)) for k, v in response.headers.items()])
        if environ["REQUEST_METHOD"] == "HEAD":
            return []
        return [response.body] if isinstance(response.body, bytes) else response.body

    def _answer(self, environ: dict[str, Any]) -> Response:
        caller = Caller("s3", REGION, None)
        try:
            for page in self._pages:
                answer = page(environ)
                if answer is not None:
                    return answer
            caller = caller_of(environ)
            if caller.service == "s3" and self._s3 and not environ["PATH_INFO"].startswith("/v20180820/"):
                return self._s3(environ, caller)
            return self._call(environ, caller)
        except AwsError as error:
            return protocol.error_response(caller.service, headers_of(environ), error)
        except Exception as error:
            return self._unexpected(environ, caller, error)

    def _call(self, environ: dict[str, Any], caller: Caller) -> Response:
        body = read_body(environ)
        headers = headers_of(environ)
        reread = moto.request_of(moto.environ_with_body(environ, body))
        operation, labels = protocol.named_operation(caller.service, reread)

        def forward() -> Response:
            return self._moto(environ, caller, operation, headers, body)

        service = self.service(caller.service)
        handler = service.handler(operation) if service and operation else None
        request = Call(
            service=caller.service,
            operation=operation,
            params=protocol.parsed_input(caller.service, operation, reread, labels) if handler else {},
            method=environ["REQUEST_METHOD"],
            path=reread.path,
            query={name: reread.args[name] for name in reread.args},
            headers=headers,
            body=body,
            region=caller.region,
            access_key=caller.access_key,
            forward=forward,
        )
        response = self._own(handler, request) if handler else forward()
        if self._meter:
            self._meter(request, response)
        return response

    def _own(self, handler: Callable[[Call], Mapping[str, Any] | Response | None], request: Call) -> Response:
        try:
            output = handler(request)
        except AwsError as error:
            return protocol.error_response(request.service, request.headers, error)
        if isinstance(output, Response):
            return output
        return protocol.serialised(request.service, request.operation, request.headers, output)

    def _moto(
        self, environ: dict[str, Any], caller: Caller, operation: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        try:
            answer = moto.call(caller.service, operation, moto.environ_with_body(environ, body))
        except (NotImplementedError, moto.NoSuchBackend):
            raise protocol.unknown_operation(caller.service, operation, headers) from None
        # Flask has no route for the path of an operation that moto lacks, and says so in HTML.
        if answer.status in (404, 405) and b"<!doctype html>" in bytes(answer.body)[:20].lower():  # type: ignore[arg-type]
            raise protocol.unknown_operation(caller.service, operation, headers)
        return answer

    def _unexpected(self, environ: dict[str, Any], caller: Caller, error: Exception) -> Response:
        where = f"{caller.service} {environ['REQUEST_METHOD']} {environ.get('HTTP_X_AMZ_TARGET', environ['PATH_INFO'])}"
        if isinstance(error, NotImplementedError):
            fault = protocol.unknown_operation(caller.service, str(error), headers_of(environ))
            return protocol.error_response(caller.service, headers_of(environ), fault)
        LOG.error("%s failed:\n%s", where, "".join(traceback.format_exception(error)))
        told = AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500)
        return protocol.error_response(caller.service, headers_of(environ), told)
