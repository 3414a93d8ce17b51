"""Which requests of a browser reach an action."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from impp_cli.sharing.signing import compact, custom_policy
from impp_lambdas.core.actions.http import MAX_BODY, Rejected, read

REQUEST = {"action": "restore", "assets": ["0123456789abcdef0123"], "request": "6f1e6b1e-3f0a-4a5b-9c0d-2b7e8f9a0b1c"}
SITE = "https://d1.cloudfront.net"


def policy(resource: str) -> str:
    document = compact(custom_policy(resource, 1_800_000_000))
    return base64.b64encode(document).decode().translate(str.maketrans("+=/", "-_~"))


POLICY = policy(f"{SITE}/*")
COOKIES = [f"CloudFront-Policy={POLICY}", "CloudFront-Signature=s3cr3t", "CloudFront-Key-Pair-Id=K2JCJMDEHXQW5F"]


def event(document: Any = REQUEST, body: str | None = None, **changes: str | None) -> dict[str, Any]:
    """A POST of the page; a keyword replaces a header (`_` for `-`), or removes it."""
    body = json.dumps(document) if body is None else body
    headers: dict[str, str | None] = {
        "content-type": "application/json; charset=utf-8",
        "sec-fetch-site": "same-origin",
        "x-impp": "1",
        "x-amz-content-sha256": hashlib.sha256(body.encode()).hexdigest(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {
        "rawPath": "/api/actions",
        "requestContext": {"http": {"method": "POST"}},
        "headers": {name: value for name, value in headers.items() if value is not None},
        "cookies": COOKIES,
        "body": body,
    }


def test_the_pages_own_request_is_let_through() -> None:
    call = read(event())
    assert call.document == REQUEST and call.key == "K2JCJMDEHXQW5F"
    assert call.viewer == hashlib.sha256(POLICY.encode()).hexdigest()[:16], "a name, not the cookie"
    encoded = event() | {"body": base64.b64encode(json.dumps(REQUEST).encode()).decode(), "isBase64Encoded": True}
    assert read(encoded).document == REQUEST


def test_money_needs_no_more_than_a_get() -> None:
    asked = event(sec_fetch_site=None, x_impp=None) | {"rawPath": "/api/money", "body": ""}
    asked["requestContext"] = {"http": {"method": "GET"}}
    assert read(asked).path == "/api/money"


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("status", "why", "changes"),
    [
        (400, "only this site's own page", {"sec_fetch_site": "cross-site"}),
        (400, "only this site's own page", {"sec_fetch_site": "same-site"}),
        (400, "only this site's own page", {"sec_fetch_site": "none"}),
        (400, "only this site's own page", {"sec_fetch_site": None}),
        (400, "x-impp", {"x_impp": None}),
        (400, "not the SHA-256", {"x_amz_content_sha256": None}),
        (400, "not the SHA-256", {"x_amz_content_sha256": "UNSIGNED-PAYLOAD"}),
        (400, "not the SHA-256", {"x_amz_content_sha256": hashlib.sha256(b"another").hexdigest()}),
        (415, "application/json", {"content_type": "text/plain"}),
        (415, "application/json", {"content_type": "application/x-www-form-urlencoded"}),
        (400, "not JSON", {"body": "{"}),
        (400, "not JSON", {"body": "[" * 10_000}),
        (400, "not a JSON object", {"body": "[]"}),
        (413, "at most", {"body": " " * (MAX_BODY + 1)}),
        (400, "impp only", {"document": {**REQUEST, "action": "erase"}}),
        (400, "impp only", {"document": {**REQUEST, "action": "hold"}}),
        (400, "impp only", {"document": {**REQUEST, "action": "release"}}),
        (400, "not the id of an asset", {"document": {**REQUEST, "assets": ["x"]}}),
    ],
)
def test_anything_else_is_rejected(status: int, why: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match=why) as raised:
        read(event(**changes))
    assert raised.value.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"), [("PUT", "/api/actions", 405), ("POST", "/api/money", 405), ("POST", "/api/", 400)]
)
def test_other_methods_and_paths_do_nothing(method: str, path: str, status: int) -> None:
    with pytest.raises(Rejected) as raised:
        read(event() | {"rawPath": path, "requestContext": {"http": {"method": method}}})
    assert raised.value.status == status


SHARED = f"CloudFront-Policy={policy(f'{SITE}/assets/0123456789abcdef0123/*')}"


@pytest.mark.parametrize(
    "changes",
    [
        {"cookies": [SHARED, *COOKIES[1:]]},
        {"cookies": [SHARED, *COOKIES]},
        {"cookies": [*COOKIES, SHARED]},
        {"cookies": COOKIES[1:]},
        {"cookies": []},
        {"cookies": ["CloudFront-Policy=bm90IEpTT04_"]},
        {"cookies": [f"CloudFront-Policy={policy('*')}"]},
        {"cookies": [f"CloudFront-Policy={policy('https://d1.cloudfront.net/assets/0?*/*')}"]},
        {"rawQueryString": "Policy=p&Signature=s&Key-Pair-Id=K2JCJMDEHXQW5F"},
    ],
)
@pytest.mark.parametrize("path", ["/api/money", "/api/actions"])
def test_a_viewer_of_one_shared_asset_reaches_nothing(path: str, changes: dict[str, Any]) -> None:
    method = "GET" if path == "/api/money" else "POST"
    asked = event() | {"rawPath": path, "requestContext": {"http": {"method": method}}} | changes
    with pytest.raises(Rejected, match="not one for everything") as raised:
        read(asked)
    assert raised.value.status == 401
