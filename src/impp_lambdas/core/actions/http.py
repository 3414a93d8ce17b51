"""Requests of the page, as they arrive at the function URL behind CloudFront: which are let through.

CloudFront has checked the viewer's signed cookies, and signs each request to the function itself. Two things are left.

- A browser that sends requests for a foreign page (CSRF): `SameSite=Lax` cookies go with no cross-site POST; a header
  that forms cannot set needs a preflight that nobody answers; and `Sec-Fetch-Site` tells where a request comes from,
  which scripts cannot change (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site).
- A viewer of one shared asset. CloudFront chooses the cache behavior by the normalized path and sends the raw one to
  the origin (its developer guide, "Path normalization"); it does not say which of them has to match the signed policy,
  so `/assets/<id>/../../api/money` might. Here the policy itself has to be one for everything: the managed origin
  request policy AllViewerExceptHostHeader sends all cookies on (botocore's model, OriginRequestPolicyCookiesConfig).

Refusals are never 403, for which the distribution shows its own page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.actions import request
from impp_lambdas.core.actions.request import Invalid

MAX_BODY = 16_384
"""Bytes: more than a request for 100 assets has."""
_COOKIE = re.compile(r"(?:^|; *)CloudFront-(Policy|Key-Pair-Id)=([^;]*)")
_BASE64 = str.maketrans("-_~", "+=/")
"""CloudFront's base64 (its developer guide, "Set signed cookies using a custom policy")."""
_EVERYTHING = re.compile(r"https://[^/*?]+/\*")


class Rejected(Exception):
    """A request that is not let through: status and reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Call:
    """A request that is let through. `document` is the body of a POST; `viewer` a name for the viewer's cookies, from
    which nobody can make them again, and `key` the id of the key that signed them."""

    method: str
    path: str
    document: Mapping[str, Any]
    viewer: str
    key: str


def read(event: Mapping[str, Any]) -> Call:
    """Read a request in payload format 2.0 (Lambda developer guide, "Invoking Lambda function URLs"). Raises
    :class:`Rejected`."""
    method, path = str(event["requestContext"]["http"]["method"]), str(event["rawPath"])
    headers = {name.lower(): str(value) for name, value in event.get("headers", {}).items()}
    cookies = _COOKIE.findall(headers.get("cookie") or "; ".join(event.get("cookies") or ()))
    policies = [value for name, value in cookies if name == "Policy"]
    if event.get("rawQueryString") or not policies or not all(_is_for_everything(policy) for policy in policies):
        raise Rejected(401, "the link that was opened is not one for everything")
    viewer = hashlib.sha256(policies[-1].encode()).hexdigest()[:16]
    key = dict(cookies).get("Key-Pair-Id", "")[:40]
    if (method, path) == ("GET", "/api/money"):
        return Call(method, path, {}, viewer, key)
    if path not in ("/api/money", "/api/actions"):
        raise Rejected(400, "unknown path; there are GET /api/money and POST /api/actions")
    if (method, path) != ("POST", "/api/actions"):
        raise Rejected(405, f"{path} does not answer {method[:10]}")
    _check_origin(headers)
    return Call(method, path, _document(_body(event, headers), headers), viewer, key)


def _check_origin(headers: Mapping[str, str]) -> None:
    site = headers.get("sec-fetch-site")
    if site != "same-origin":
        raise Rejected(400, f"Sec-Fetch-Site is {str(site)[:20]}: only this site's own page may change anything")
    if headers.get("x-impp") != "1":
        raise Rejected(400, "the header x-impp: 1 is missing")


def _body(event: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    text = str(event.get("body") or "")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except binascii.Error:
        raise Rejected(400, "the body is not base64") from None
    if len(body) > MAX_BODY:
        raise Rejected(413, f"the body has {len(body)} bytes, at most {MAX_BODY} are allowed")
    # Lambda has compared it with the signature already: it accepts no unsigned payload (CloudFront developer guide,
    # "Restrict access to an AWS Lambda function URL origin").
    if headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
        raise Rejected(400, "x-amz-content-sha256 is not the SHA-256 of the body")
    return body


def _document(body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Rejected(415, "the content type must be application/json")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected(400, "the body is not JSON") from None
    try:
        parsed = request.parse(document)
    except Invalid as why:
        raise Rejected(400, str(why)) from None
    if parsed.action not in request.ON_THE_PAGE:
        raise Rejected(400, f"{parsed.action} is possible with the command impp only")
    valid: Mapping[str, Any] = document
    return valid


def _is_for_everything(policy: str) -> bool:
    """Whether a policy, of which CloudFront has verified at least one, admits to the whole distribution."""
    try:
        (statement,) = json.loads(base64.b64decode(policy.translate(_BASE64), validate=True))["Statement"]
        return _EVERYTHING.fullmatch(statement["Resource"]) is not None
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
