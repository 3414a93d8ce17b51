"""Links of `impp open` and `impp share` at the local CloudFront: whom they admit, to what, and until when.

The distribution has the cache behaviors and functions of module delivery. A viewer is a client with a cookie jar that
goes where a link leads.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner, Result
from tests.support import node_packages
from tests.support.aws_fakes import FakeContext
from tests.support.delivery import Delivery, deliver

from impp_cli import environments
from impp_cli.cli import main
from impp_cli.sharing import links
from impp_lambdas.adapters import aws
from impp_lambdas.handlers import viewer_keys
from impp_local.cloud import LocalCloud

pytestmark = pytest.mark.slow  # each test runs the command with clients of its own, and Node.js for the functions

ASSETS = tuple(letter * 20 for letter in "abc")
MEDIA = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def delivery(cloud: LocalCloud) -> Delivery:
    if not shutil.which("node"):
        node_packages.skip("no Node.js: the functions of the distribution cannot run")
    return deliver(cloud, dict.fromkeys(ASSETS, MEDIA))


@pytest.fixture
def impp(
    cloud: LocalCloud, delivery: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Run the command against the cloud; returns its JSON."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "IMPP_ENV": "local"}
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    environments.write(
        environments.of_outputs("local", delivery.outputs, endpoint_url=cloud.endpoint, delivery_url=delivery.url),
        environ,
    )

    def run(*arguments: str, code: int = 0) -> Any:
        result: Result = CliRunner(env=environ).invoke(main, [*arguments, "--json"])
        assert result.exit_code == code, result.output
        return json.loads(result.output) if code == 0 else result.output

    return run


class Viewer:
    """A browser without pictures: follows a link, keeps its cookies by path, and asks for files."""

    def __init__(self, delivery: Delivery, link: str = "") -> None:
        self.url = delivery.url
        self.cookies: list[tuple[str, str]] = []  # path, name=value
        self.landed = ""
        if link:
            response = requests.get(link, allow_redirects=False, timeout=60)
            assert response.status_code == 302, response.text
            self.landed = response.headers["Location"]
            for header in response.raw.headers.getlist("Set-Cookie"):
                pair, *attributes = header.split("; ")
                assert {"Secure", "HttpOnly", "SameSite=Lax"} < set(attributes)
                (path,) = (one.removeprefix("Path=") for one in attributes if one.startswith("Path="))
                self.cookies.append((path, pair))

    def get(self, path: str, **headers: str) -> requests.Response:
        sent = "; ".join(pair for prefix, pair in self.cookies if path.startswith(prefix))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(self.url + path, headers={**named, **({"Cookie": sent} if sent else {})}, timeout=60)

    def status(self, path: str) -> int:
        return self.get(path).status_code


def media(asset: str) -> str:
    return f"/assets/{asset}/proxy.mp4"


def test_the_application_is_open_and_nothing_else(delivery: Delivery) -> None:
    stranger = Viewer(delivery)
    assert stranger.get("/").text == stranger.get("/app/index.html").text == "gallery"
    for path in (media(ASSETS[0]), "/index/shards.json", "/anything", "/app"):
        refused = stranger.get(path)
        assert (refused.status_code, refused.text) == (403, "denied"), path


def test_open_leads_to_the_gallery_with_everything(delivery: Delivery, impp: Callable[..., Any]) -> None:
    viewer = Viewer(delivery, impp("open")["url"])
    assert viewer.landed == "/app/index.html"
    assert [viewer.status(path) for path in (media(ASSETS[0]), media(ASSETS[2]), "/index/shards.json")] == [200] * 3


def test_open_leads_to_an_asset(delivery: Delivery, impp: Callable[..., Any]) -> None:
    assert Viewer(delivery, impp("open", ASSETS[1])["url"]).landed == f"/app/index.html#/a/{ASSETS[1]}"


def test_a_share_opens_its_assets_alone(delivery: Delivery, impp: Callable[..., Any]) -> None:
    shared = impp("share", ASSETS[0], ASSETS[1], "--part", "12s-40s", "--download")
    viewer = Viewer(delivery, shared["url"])
    assert viewer.landed == f"/app/index.html#/shared/{ASSETS[0]},{ASSETS[1]}?part=12-40&download=1"
    assert [viewer.status(media(asset)) for asset in ASSETS] == [200, 200, 403]
    assert [viewer.status(path) for path in ("/index/shards.json", "/anything")] == [403, 403]


def test_cookies_of_one_asset_open_no_other(delivery: Delivery, impp: Callable[..., Any]) -> None:
    viewer = Viewer(delivery, impp("share", ASSETS[0])["url"])
    viewer.cookies = [("/", pair) for _, pair in viewer.cookies]  # as a dishonest browser sends them
    assert [viewer.status(media(asset)) for asset in ASSETS] == [200, 403, 403]
    assert viewer.status("/index/shards.json") == 403


def test_a_link_expires(delivery: Delivery, impp: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    day_before = time.time() - 86400
    with monkeypatch.context() as patch:
        patch.setattr(links.time, "time", lambda: day_before)
        urls = [impp("open", "--for", "23h")["url"], impp("share", ASSETS[0], "--for", "23h")["url"]]
        running = impp("share", ASSETS[0], "--for", "25h")["url"]
    assert [Viewer(delivery, url).status(media(ASSETS[0])) for url in [*urls, running]] == [403, 403, 200]


@pytest.mark.parametrize("changed", ["p", "s", "k"])
def test_an_altered_link_opens_nothing(delivery: Delivery, impp: Callable[..., Any], changed: str) -> None:
    url = impp("share", ASSETS[0])["url"]
    other = impp("share", ASSETS[1])["url"]
    if changed == "k":
        altered = url.replace("k=K", "k=KX")
    else:
        values = [dict(part.partition("=")[::2] for part in urlsplit(one).query.split("&")) for one in (url, other)]
        altered = url.replace(values[0][changed], values[1][changed])
    viewer = Viewer(delivery, altered)
    assert [viewer.status(media(asset)) for asset in ASSETS] == [403, 403, 403]


def test_a_revoked_share_opens_nothing_and_others_stay(delivery: Delivery, impp: Callable[..., Any]) -> None:
    first, second = (impp("share", ASSETS[0]) for _ in range(2))
    viewers = [Viewer(delivery, one["url"]) for one in (first, second)]
    assert [viewer.status(media(ASSETS[0])) for viewer in viewers] == [200, 200]
    assert impp("shares", "--revoke", first["id"])["shares"][0]["state"] == "revoked"
    assert [viewer.status(media(ASSETS[0])) for viewer in viewers] == [403, 200]
    assert Viewer(delivery, first["url"]).status(media(ASSETS[0])) == 403  # a fresh browser
    states = {one["id"]: one["state"] for one in impp("shares")["shares"]}
    assert (states[first["id"]], states[second["id"]]) == ("revoked", "active")


def test_a_revoked_share_is_no_use_as_a_signed_url(delivery: Delivery, impp: Callable[..., Any]) -> None:
    shared = impp("share", ASSETS[0])
    part = dict(one.partition("=")[::2] for one in urlsplit(shared["url"]).query.split("&"))
    signed = f"{media(ASSETS[0])}?Policy={part['p']}&Signature={part['s']}&Key-Pair-Id={part['k']}"
    assert Viewer(delivery).status(signed) == 200
    impp("shares", "--revoke", shared["id"])
    assert Viewer(delivery).status(signed) == 403


SPELLINGS: dict[str, Callable[[dict[str, str]], tuple[str, str]]] = {
    "encoded name": lambda part: (f"?%50olicy={part['p']}&Signature={part['s']}&Key-Pair-Id={part['k']}", ""),
    "white space in the name": lambda part: ("", cookies(part, "CloudFront-Policy ")),
    "white space between": lambda part: ("", f"x=1 {cookies(part)}"),
    "quoted": lambda part: ("", cookies({**part, "p": f'"{part["p"]}"'})),
    "path with dots": lambda part: ("/../proxy.mp4", cookies(part)),
}


def cookies(part: dict[str, str], name: str = "CloudFront-Policy") -> str:
    return f"{name}={part['p']}; CloudFront-Signature={part['s']}; CloudFront-Key-Pair-Id={part['k']}"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_revoked_share_opens_nothing_in_another_spelling(
    delivery: Delivery, impp: Callable[..., Any], spelling: str
) -> None:
    shared = impp("share", ASSETS[0])
    impp("shares", "--revoke", shared["id"])
    suffix, cookie = SPELLINGS[spelling](
        dict(one.partition("=")[::2] for one in urlsplit(shared["url"]).query.split("&"))
    )
    assert send(delivery, media(ASSETS[0]) + suffix, cookie)[0] == 403


PATHS = (
    "/assets/{own}/..%2f{other}/proxy.mp4", "/assets/{own}/../{other}/proxy.mp4",
    "/assets/{own}/%2e%2e/{other}/proxy.mp4", "/assets/{own}/..%252f{other}/proxy.mp4",
    "/assets/{own}%2f..%2f{other}/proxy.mp4", "/app/../assets/{other}/proxy.mp4",
    "/app/..%2fassets/{other}/proxy.mp4", "//assets/{other}/proxy.mp4", "/ASSETS/{other}/proxy.mp4",
    "/assets%2f{other}/proxy.mp4", "/assets/{other}/proxy.mp4/", "/assets/{own}/../../index/shards.json",
    "/assets/{own}/../../anything", "/assets/{other}/proxy.mp4?https://{host}/assets/{own}/",
    "/assets/{other}/proxy.mp4/../../../app/x",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_from_a_share_to_another_file(delivery: Delivery, impp: Callable[..., Any], path: str) -> None:
    part = dict(one.partition("=")[::2] for one in urlsplit(impp("share", ASSETS[0])["url"]).query.split("&"))
    host = urlsplit(delivery.url).netloc
    target = path.format(own=ASSETS[0], other=ASSETS[1], host=host)
    for cookie in (cookies(part), ""):
        assert send(delivery, target, cookie)[0] in (400, 403)


def test_the_cache_behavior_goes_by_the_normalized_path_and_the_origin_by_the_raw_one(delivery: Delivery) -> None:
    for path in ("/x/../enter", "/x/..//enter", "/%65nter"):
        assert send(delivery, path, "") == (302, "/app/index.html"), path  # the function's answer to another path
    assert send(delivery, "/enter/", "")[0] == 403
    assert send(delivery, "/assets/../app/index.html", "")[0] == 403  # in the bucket there is no such key


def send(delivery: Delivery, target: str, cookie: str) -> tuple[int, str]:
    """Status and Location of a request whose path no client normalizes."""
    connection = HTTPConnection(urlsplit(delivery.url).netloc, timeout=60)
    connection.request("GET", target, headers={"Cookie": cookie} if cookie else {})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers.get("Location", "")


def test_a_rotation_keeps_links_until_the_next(
    delivery: Delivery, impp: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function itself, not its container: `impp keys rotate` invokes it."""
    for name, value in delivery.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(aws, "client", lambda service, _version=None: delivery.cloud.client(service))
    before = Viewer(delivery, impp("open")["url"])
    viewer_keys.handler({"action": "rotate"}, FakeContext())
    after = Viewer(delivery, impp("open")["url"])
    assert [one.status(media(ASSETS[0])) for one in (before, after)] == [200, 200]
    viewer_keys.handler({"action": "rotate"}, FakeContext())
    assert [one.status(media(ASSETS[0])) for one in (before, after)] == [403, 200]


def test_media_plays_by_ranges_and_is_immutable_and_documents_are_not(
    delivery: Delivery, impp: Callable[..., Any]
) -> None:
    viewer = Viewer(delivery, impp("open")["url"])
    piece = viewer.get(media(ASSETS[0]), Range="bytes=10-19")
    assert (piece.status_code, piece.content) == (206, MEDIA[10:20])
    assert piece.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert viewer.get("/index/shards.json").headers["Cache-Control"] == "private, no-cache"


def test_what_aws_would_bill_is_metered(delivery: Delivery, impp: Callable[..., Any]) -> None:
    def quantity(service: str, item: str) -> float:
        lines = requests.get(f"{delivery.cloud.endpoint}/_impp/bill", timeout=60).json()["lines"]
        return sum(float(line["quantity"]) for line in lines if (line["service"], line["item"]) == (service, item))

    assert quantity("kms", "rsa_key_pair") >= 2
    before = quantity("cloudfront", "function")
    Viewer(delivery, impp("open")["url"]).get(media(ASSETS[0]))
    assert quantity("cloudfront", "function") - before == 2  # the entry and the gate


def test_what_is_unknown_is_said(delivery: Delivery, impp: Callable[..., Any]) -> None:
    assert "There is no share feedbeef" in impp("shares", "--revoke", "feedbeef", code=3)
    assert "from 1m to 30d" in impp("share", ASSETS[0], "--for", "31d", code=2)
    impp("share", "d" * 20, code=3)
