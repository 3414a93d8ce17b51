"""The front door of a deployed environment: links of `impp`, through its distribution, with IAM enforced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from tests.support import node_packages
from tests.support.system import System

from impp_cli import environments
from impp_cli.cli import main

pytestmark = pytest.mark.slow

ASSET = "0123456789abcdef0123"


@pytest.fixture(scope="module")
def url(system: System) -> str:
    """The address of the distribution, with a file of an asset behind it."""
    if not shutil.which("node"):
        node_packages.skip("no Node.js: the functions of the distribution cannot run")
    system.client("s3").put_object(
        Bucket=system.outputs["delivery_bucket"], Key=f"assets/{ASSET}/note.vtt", Body=b"WEBVTT", ContentType="text/vtt"
    )
    item = {"pk": {"S": f"ASSET#{ASSET}"}, "state": {"S": "published"}}
    system.client("dynamodb").put_item(TableName=system.outputs["catalog_table"], Item=item)
    return str(system.page("distributions")[system.outputs["distribution_id"]])


@pytest.fixture
def impp(system: System, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "IMPP_ENV": "local"}
    endpoint = system.cloud.endpoint
    environments.write(
        environments.of_outputs("local", system.outputs, endpoint_url=endpoint, delivery_url=url), environ
    )

    def run(*arguments: str) -> Any:
        result = CliRunner(env=environ).invoke(main, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    return run


def cookies_of(link: str) -> str:
    """The cookies that a link sets, as a browser sends them."""
    response = requests.get(link, allow_redirects=False, timeout=60)
    assert response.status_code == 302, response.text
    return "; ".join(header.partition(";")[0] for header in response.raw.headers.getlist("Set-Cookie"))


def status(url: str, cookies: str, path: str = f"/assets/{ASSET}/note.vtt") -> int:
    return requests.get(url + path, headers={"Cookie": cookies}, timeout=60).status_code


def test_a_stranger_sees_the_application_and_no_data(url: str) -> None:
    assert requests.get(f"{url}/", timeout=60).status_code == 200
    assert [status(url, "", path) for path in (f"/assets/{ASSET}/note.vtt", "/index/shards.json")] == [403, 403]


def test_a_share_can_be_revoked(url: str, impp: Callable[..., Any]) -> None:
    assert impp("share", ASSET, "--dry-run")["assets"] == [ASSET]
    shared = impp("share", ASSET)
    assert shared["id"] in {one["id"] for one in impp("shares")["shares"]}
    cookies = cookies_of(shared["url"])
    assert (status(url, cookies), status(url, cookies, "/index/shards.json")) == (200, 403)
    assert impp("shares", "--revoke", shared["id"], "--dry-run")["shares"][0]["state"] == "active"
    assert status(url, cookies) == 200
    impp("shares", "--revoke", shared["id"])
    assert status(url, cookies) == 403


def test_a_rotation_keeps_links_until_the_next(url: str, impp: Callable[..., Any]) -> None:
    before = cookies_of(impp("open")["url"])
    first = impp("keys", "rotate")
    after = cookies_of(impp("open")["url"])
    assert (status(url, before), status(url, after)) == (200, 200)
    second = impp("keys", "rotate")
    assert second["previous"] == first["current"]
    assert (status(url, before), status(url, after)) == (403, 200)
