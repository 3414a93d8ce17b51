"""What people ask of assets, by the function and through the distribution, with IAM and Object Lock enforced."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from tests.support.local_cloud import wait_until
from tests.support.system import System

from impp_lambdas.core import keys
from impp_local.kernel import moto, objects

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def asset(system: System, media: dict[str, Path]) -> str:
    """A published asset whose original lifecycle rules have moved to Deep Archive."""
    path = media["vfr"].with_name("asked-for.mp4")
    path.write_bytes(media["vfr"].read_bytes() + b"\0" * 40)
    key = "originals/phone/tests/2026/11/24/asked-for.mp4"
    asset = system.upload(path, key)
    system.wait_until_idle()
    with moto.lock_of("s3"):
        version = system.asset(asset)["version"]
        objects.backend().get_object(
            system.outputs["ingest_bucket"], key, version_id=version
        )._storage_class = "DEEP_ARCHIVE"
    return asset


def ask(system: System, action: str, asset: str, dry_run: bool = False, **options: Any) -> dict[str, Any]:
    event = {"action": action, "assets": [asset], "options": options, "dry_run": dry_run, "request": str(uuid.uuid4())}
    answer = system.client("lambda").invoke(
        FunctionName=system.outputs["function_names"]["actions"], Payload=json.dumps(event)
    )
    document = json.loads(answer["Payload"].read())
    assert "results" in document, document
    result: dict[str, Any] = document["results"][0]
    return result


def page(
    system: System, method: str, path: str, resource: str, document: Any = None, **changes: str
) -> requests.Response:
    """A request of the page by a viewer whose cookies admit to `resource`."""
    body = b"" if document is None else json.dumps(document).encode()
    headers = {
        "content-type": "application/json",
        "sec-fetch-site": "same-origin",
        "x-impp": "1",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    root = f"https://{system.outputs['distribution_domain']}"
    cookies = system.signer().cookies(f"{root}/{resource}", time.time() + 300)
    url = f"{system.cloud.endpoint}/_cloudfront/{system.outputs['distribution_id']}{path}"
    return requests.request(method, url, data=body, headers=headers, cookies=cookies, timeout=60)


def test_an_archived_original_is_quoted_restored_and_reported(system: System, asset: str) -> None:
    quote = ask(system, "restore", asset, dry_run=True, tier="standard")
    assert quote["status"] == "would" and quote["ready_in_s"] == 12 * 3600
    assert ask(system, "restore", asset, tier="standard")["status"] == "accepted"
    item = system.asset(asset)
    original = {"Bucket": item["bucket"], "Key": item["key"], "VersionId": item["version"]}
    wait_until(lambda: 'ongoing-request="false"' in system.client("s3").head_object(**original)["Restore"])
    system.wait_until_idle()
    assert any(line["item"] == "retrieval_deep_archive_standard" for line in item["ledger"])
    alerts = [json.dumps(alert) for alert in system.alerts(asset)]
    (alert,) = [alert for alert in alerts if "Original restored" in alert]
    assert f"#/a/{asset}" in alert
    assert ask(system, "restore", asset)["status"] == "nothing"


def test_the_page_asks_through_the_distribution(system: System, asset: str) -> None:
    money = page(system, "GET", "/api/money", "*")
    assert money.status_code == 200 and money.headers["cache-control"] == "no-store"
    assert money.json()["usd"] > 0 and {one["service"] for one in money.json()["services"]} >= {"lambda", "s3"}
    quote = {"action": "render", "assets": [asset], "options": {"renditions": ["youtube"]}, "dry_run": True}
    answer = page(system, "POST", "/api/actions", "*", quote)
    assert answer.status_code == 200 and answer.json()["results"][0]["status"] == "would", answer.text
    assert page(system, "POST", "/api/actions", "*", quote, sec_fetch_site="same-site").status_code == 400
    erase = {"action": "erase", "assets": [asset], "request": str(uuid.uuid4())}
    assert page(system, "POST", "/api/actions", "*", erase).status_code == 400
    assert page(system, "POST", "/api/actions", "*", quote, x_amz_content_sha256="0" * 64).status_code == 403
    shared = f"assets/{asset}/*"
    for method, path in (("GET", "/api/money"), ("POST", "/api/actions")):
        assert page(system, method, path, shared, quote).status_code == 403, "a shared link is for its asset only"


def test_a_held_asset_cannot_be_erased_and_an_erased_one_is_gone(system: System, asset: str) -> None:
    item, s3 = system.asset(asset), system.client("s3")
    original = {"Bucket": item["bucket"], "Key": item["key"], "VersionId": item["version"]}
    assert ask(system, "hold", asset, reason="claim 17")["status"] == "done"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**original)
    assert ask(system, "erase", asset)["status"] == "refused"
    assert ask(system, "release", asset)["status"] == "done"
    result = ask(system, "erase", asset, reason="asked for")
    assert result["status"] == "done", result
    assert [one["version"] for one in result["receipt"]["originals"]] == [item["version"]]
    with pytest.raises(ClientError, match="404"):
        s3.head_object(**original)
    for bucket, prefix in (("delivery_bucket", keys.delivery(asset, "")), ("work_bucket", keys.work(asset, ""))):
        assert not s3.list_objects_v2(Bucket=system.outputs[bucket], Prefix=prefix).get("Contents"), prefix
    with pytest.raises(AssertionError, match="no ASSET"):
        system.asset(asset)
    index = s3.get_object(Bucket=system.outputs["delivery_bucket"], Key=keys.index_shard("2026-11"))
    assert asset not in index["Body"].read().decode()
    assert ask(system, "erase", asset)["status"] == "nothing"
