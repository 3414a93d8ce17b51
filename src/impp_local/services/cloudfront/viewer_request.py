"""The viewer request event of CloudFront Functions, and what becomes of what a function returns.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from impp_local.kernel.contract import Call, Response
from impp_local.services.cloudfront.api import Resource

HIDDEN: Final = {"cookie", "host", "content-length", "connection"}
"""Headers that the event shows in another place, or not at all."""


def event_of(call: Call, path: str, distribution: Resource) -> dict[str, Any]:
    """The event. Names and values of the query stay as the viewer has encoded them."""
    query = (part.partition("=")[::2] for part in call.environ.get("QUERY_STRING", "").split("&") if part)
    headers = ((name, value) for name, value in call.headers.items() if name not in HIDDEN)
    return {
        "version": "1.0",
        "context": {
            "distributionDomainName": distribution.domain,
            "distributionId": distribution.id,
            "eventType": "viewer-request",
            "requestId": secrets.token_urlsafe(40),
        },
        "viewer": {"ip": call.environ.get("REMOTE_ADDR", "")},
        "request": {
            "method": call.method,
            "uri": path,
            "querystring": _grouped(query),
            "headers": _grouped([*headers, ("host", distribution.domain)]),
            "cookies": _grouped(cookies_of(call.headers.get("cookie", ""))),
        },
    }


def cookies_of(header: str) -> list[tuple[str, str]]:
    """Names and values of a Cookie header (RFC 6265, section 4.2.1)."""
    pairs = (part.partition("=") for part in header.split(";") if "=" in part)
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def response_of(result: Mapping[str, Any]) -> Response | None:
    """The response that a function returned; None if it returned a request, which goes on."""
    if "statusCode" not in result:
        return None
    body = result.get("body") or ""
    if isinstance(body, Mapping):
        data = str(body.get("data") or "")
        body = base64.b64decode(data) if body.get("encoding") == "base64" else data
    headers = {
        name.title(): ", ".join(one["value"] for one in _all(entry))
        for name, entry in (result.get("headers") or {}).items()
    }
    cookies = [
        "; ".join([f"{name}={one['value']}", *([one["attributes"]] if one.get("attributes") else [])])
        for name, entry in (result.get("cookies") or {}).items()
        for one in _all(entry)
    ]
    content = body if isinstance(body, bytes) else body.encode()
    return Response(int(result["statusCode"]), headers, content, cookies)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`{name: {"value"}}`; with `multiValue` where a name occurs more than once."""
    groups: dict[str, list[dict[str, str]]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append({"value": value})
    return {
        name: {"value": values[-1]["value"], **({"multiValue": values} if len(values) > 1 else {})}
        for name, values in groups.items()
    }


def _all(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The values of a header or cookie: `multiValue` has precedence."""
    yield from entry.get("multiValue") or [entry]
