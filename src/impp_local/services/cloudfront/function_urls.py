"""A Lambda function URL as an origin, with origin access control.

CloudFront signs each request for the distribution; Lambda checks that the function's policy admits it, and that the
body has the hash which the viewer sent, because it accepts no unsigned payload.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from impp_local.iam import service_access
from impp_local.kernel import billing, functions
from impp_local.kernel.contract import AwsError, Call, Response
from impp_local.web.gateway import read_body

_HOST: Final = re.compile(r"[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws")
_TEXT: Final = re.compile(r"text/.*|application/(json|xml|javascript|.*\+(json|xml))")
"""Content types that a function gets as text; others as base64."""


def is_url(domain: str) -> bool:
    """Whether an origin's domain is that of a function URL."""
    return _HOST.fullmatch(domain) is not None


def answer(call: Call, path: str, origin: Mapping[str, Any], distribution_arn: str) -> Response:
    """What the function behind an origin answers to a viewer. Raises AwsError 403 and 502."""
    domain = str(origin["DomainName"])
    function = functions.of_url(domain)
    if function is None:
        raise AwsError("BadGateway", "CloudFront wasn't able to resolve the origin domain name.", 502)
    forbidden = AwsError("AccessDeniedException", "Forbidden", 403)
    if not origin.get("OriginAccessControlId"):
        raise forbidden
    try:
        service_access.require_origin_invoke(distribution_arn, function)
    except AwsError:
        raise forbidden from None
    body = read_body(call.environ)
    if call.method in ("POST", "PUT", "PATCH", "DELETE"):
        claimed = call.headers.get("x-amz-content-sha256", "")
        if claimed != hashlib.sha256(body).hexdigest():
            message = "The request signature we calculated does not match the signature you provided."
            raise AwsError("InvalidSignatureException", message, 403)
    report = functions.invoke(function, json.dumps(_event(call, path, domain, body)).encode())
    if report.error:
        raise AwsError("BadGateway", "Internal Server Error", 502)
    response = _response(report.payload)
    billing.meter("cloudfront", "data_out", len(response.body) / 1e9 if isinstance(response.body, bytes) else 0)
    return response


def _event(call: Call, path: str, domain: str, body: bytes) -> dict[str, Any]:
    """The request in payload format 2.0, with all of the viewer's headers except Host (AllViewerExceptHostHeader)."""
    headers = {name: value for name, value in call.headers.items() if name != "host"} | {"host": domain}
    cookies = headers.pop("cookie", "")
    query = call.environ.get("QUERY_STRING", "")
    is_text = _TEXT.fullmatch(headers.get("content-type", "application/json").partition(";")[0].strip()) is not None
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": call.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": call.environ.get("REMOTE_ADDR", ""),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(body) and not is_text,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if query:
        event["queryStringParameters"] = dict(parse_qsl(query, keep_blank_values=True))
    if body:
        event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return event


def _response(payload: bytes) -> Response:
    """A function's result as a response; one without `statusCode` is a 200 with JSON."""
    result = json.loads(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        return Response(200, {"content-type": "application/json"}, payload)
    text = str(result.get("body") or "")
    body = base64.b64decode(text) if result.get("isBase64Encoded") else text.encode()
    headers = {"content-type": "application/json"}
    headers |= {name.lower(): str(value) for name, value in (result.get("headers") or {}).items()}
    return Response(int(result["statusCode"]), headers, body)
