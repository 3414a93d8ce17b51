"""The CloudFront Functions of module delivery, run in Node.js as the edge runs them."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.support import node_packages
from tests.support.paths import REPOSITORY

from impp_cli.sharing.signing import compact, custom_policy
from impp_local.services.cloudfront.functions import MOST_CODE
from impp_local.services.cloudfront.runtime import FunctionError, Runtime

FOLDER = REPOSITORY / "modules" / "delivery" / "functions"
HOST = "d1.cloudfront.net"
EXPIRES = 1_800_000_000
SIGNATURE = "c2lnbmF0dXJl-~_"


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    if not shutil.which("node"):
        node_packages.skip("no Node.js")
    running = Runtime()
    yield running
    running.close()


def encoded(policy: Mapping[str, Any]) -> str:
    return base64.b64encode(compact(dict(policy))).decode().translate(str.maketrans("+=/", "-_~"))


def policy(path: str, host: str = HOST) -> str:
    return encoded(custom_policy(f"https://{host}{path}", EXPIRES))


def values(*given: str) -> dict[str, Any]:
    several = [{"value": value} for value in given]
    return {"value": given[-1], **({"multiValue": several} if len(given) > 1 else {})}


def run(runtime: Runtime, name: str, request: dict[str, Any], store: dict[str, str] | None = None) -> dict[str, Any]:
    code = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    empty = {"method": "GET", "querystring": {}, "headers": {"host": {"value": HOST}}, "cookies": {}}
    return runtime.run(name, code, code, {"version": "1.0", "request": empty | request}, store)


def enter(runtime: Runtime, **query: Any) -> dict[str, Any]:
    return run(runtime, "entry", {"uri": "/enter", "querystring": query})


def link(path: str = "/*", **changes: Any) -> dict[str, Any]:
    whole = {"k": values("K123456789"), "p": values(policy(path)), "s": values(SIGNATURE)}
    return {name: value for name, value in (whole | changes).items() if value}


@pytest.mark.parametrize("name", ["entry", "gate"])
def test_a_function_fits(name: str) -> None:
    assert len((FOLDER / f"{name}.js").read_bytes()) <= MOST_CODE


def test_a_link_to_everything_becomes_three_cookies_and_a_redirect(runtime: Runtime) -> None:
    response = enter(runtime, **link(to=values("%2Fapp%2Findex.html%23%2Fa%2F0123%3Ft%3D12.5")))
    assert (response["statusCode"], response["headers"]["location"]["value"]) == (302, "/app/index.html#/a/0123?t=12.5")
    assert response["headers"]["cache-control"]["value"] == "no-store"
    assert response["headers"]["referrer-policy"]["value"] == "no-referrer"
    attributes = "Path=/; Expires=Fri, 15 Jan 2027 08:00:00 GMT; Secure; HttpOnly; SameSite=Lax"
    assert {name: one["multiValue"] for name, one in response["cookies"].items()} == {
        name: [{"value": value, "attributes": attributes}]
        for name, value in (
            ("CloudFront-Policy", policy("/*")),
            ("CloudFront-Signature", SIGNATURE),
            ("CloudFront-Key-Pair-Id", "K123456789"),
        )
    }


def test_each_shared_asset_gets_cookies_of_its_own_path(runtime: Runtime) -> None:
    policies = [policy(f"/assets/{asset}/*") for asset in ("0a", "0b")]
    response = enter(runtime, **link(p=values(*policies), s=values(SIGNATURE, SIGNATURE)))
    cookies = response["cookies"]["CloudFront-Policy"]["multiValue"]
    assert [one["value"] for one in cookies] == policies
    assert [one["attributes"].split(";")[0] for one in cookies] == ["Path=/assets/0a/", "Path=/assets/0b/"]


def test_without_a_target_it_leads_to_the_application(runtime: Runtime) -> None:
    assert enter(runtime, **link())["headers"]["location"]["value"] == "/app/index.html"
    assert run(runtime, "entry", {"uri": "/"})["headers"]["location"]["value"] == "/app/index.html"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/app/\r\nset-cookie:a=b", "/app/../enter",
     "/enter", "%2F%2Fevil.example", "/app/%0d%0a", "/app/<script>", "%E0%A4%A", "/app/%252e%252E/api/money",
     "/app/.%252e/enter"],
)  # fmt: skip
def test_a_link_leads_nowhere_else(runtime: Runtime, target: str) -> None:
    response = enter(runtime, **link(to=values(target)))
    assert response["statusCode"] == 400 and "cookies" not in response and "location" not in response["headers"]


@pytest.mark.parametrize(
    "changes",
    [
        {"k": None},
        {"k": values("K123456789", "K987654321")},
        {"k": values("K1; Path=/")},
        {"p": None},
        {"s": None},
        {"p": values(policy("/*"), policy("/*"))},
        {"s": values("c2ln; Domain=example.org")},
        {"p": values("not base64!")},
        {"p": values(encoded({"Statement": []}))},
        {"p": values(encoded(custom_policy("*", EXPIRES)))},
        {"p": values(policy("/*", "other.cloudfront.net"))},
        {"p": values(policy("/index/*"))},
        {"p": values(policy("/assets/../*"))},
        {"p": values(encoded({"Statement": [{"Resource": f"https://{HOST}/*"}]}))},
        {"p": values(*[policy("/assets/a/*")] * 11), "s": values(*[SIGNATURE] * 11)},
    ],
)
def test_a_link_that_impp_has_not_made_sets_no_cookie(runtime: Runtime, changes: dict[str, Any]) -> None:
    response = enter(runtime, **link(**changes))
    assert response["statusCode"] == 400 and "cookies" not in response


def revocation(path: str) -> str:
    return hashlib.sha256(compact(custom_policy(f"https://{HOST}{path}", EXPIRES))).hexdigest()[:32]


def ask(runtime: Runtime, store: dict[str, str], **parts: Any) -> dict[str, Any]:
    return run(runtime, "gate", {"uri": "/assets/0a/poster.jpg", **parts}, store)


def test_a_share_passes_until_it_is_revoked(runtime: Runtime) -> None:
    share = {"cookies": {"CloudFront-Policy": values(policy("/assets/0a/*"))}}
    assert ask(runtime, {}, **share)["uri"] == "/assets/0a/poster.jpg"
    assert ask(runtime, {revocation("/assets/0b/*"): ""}, **share)["uri"] == "/assets/0a/poster.jpg"
    assert ask(runtime, {revocation("/assets/0a/*"): ""}, **share)["statusCode"] == 403


@pytest.mark.parametrize(
    "parts",
    [
        {"cookies": {"cloudfront-policy": values(policy("/assets/0a/*"))}},
        {"cookies": {"CloudFront-Policy": values(policy("/assets/0a/*"), policy("/*"))}},
        {"cookies": {"CloudFront-Policy": values(policy("/*"), policy("/assets/0a/*"))}},
        {"querystring": {"Policy": values(policy("/assets/0a/*"))}},
        {"cookies": {"CloudFront-Policy": values(policy("/assets/0a/*").rstrip("_"))}},
        {"cookies": {"CloudFront-Policy": values(f" {policy('/assets/0a/*')}")}},
        {"cookies": {"CloudFront-Policy ": values(policy("/assets/0a/*"))}},
        {"cookies": {"other": values(f"1 CloudFront-Policy={policy('/assets/0a/*')}")}},
        {"querystring": {"%50olicy": values(policy("/assets/0a/*"))}},
        {"querystring": {"other": values(f"1;Policy={policy('/assets/0a/*')}")}},
    ],
    ids=[
        "lower case",
        "first of two",
        "last of two",
        "signed URL",
        "without padding",
        "white space",
        "white space in the name",
        "within another cookie",
        "encoded name",
        "within another parameter",
    ],
)
def test_a_revoked_share_passes_in_no_other_form(runtime: Runtime, parts: dict[str, Any]) -> None:
    assert ask(runtime, {revocation("/assets/0a/*"): ""}, **parts)["statusCode"] == 403


def test_a_request_without_a_policy_is_for_cloudfront_to_judge(runtime: Runtime) -> None:
    assert ask(runtime, {})["uri"] == "/assets/0a/poster.jpg"


def test_a_function_without_its_store_fails(runtime: Runtime) -> None:
    with pytest.raises(FunctionError, match="gate failed: Error: no key value store"):
        runtime.run("gate", "without", (FOLDER / "gate.js").read_text(encoding="utf-8"), {}, None)
