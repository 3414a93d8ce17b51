"""The applied root: no secret in its state, an empty second plan, drift that shows, and a destroy that leaves nothing.

These tests run after the others of this folder (tests/conftest.py), or beside them on another copy of the environment:
the last one removes it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image
from tests.support.system import System
from tests.support.terraform_runs import provider_server

from impp_local.deploy import adoption, root
from impp_local.kernel.clients import Clients

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def one_provider(system: System) -> Iterator[None]:
    """Every Terraform of this file uses one running provider, which saves its starts."""
    with pytest.MonkeyPatch.context() as patch, provider_server(system.state / "deploy" / "terraform") as reattach:
        patch.setenv("TF_REATTACH_PROVIDERS", reattach)
        yield


def test_no_secret_is_in_the_state(system: System) -> None:
    state = (system.state / "deploy" / root.STATE).read_text()
    assert "a-secret-that-stays-out-of-state" not in state
    assert "key_pair_ids" in state and "PRIVATE KEY" not in state


def test_a_distribution_is_deployed(system: System) -> None:
    distribution = system.client("cloudfront").get_distribution(Id=system.outputs["distribution_id"])
    assert distribution["Distribution"]["Status"] == "Deployed"


def test_a_second_plan_is_empty(system: System) -> None:
    assert root.planned_changes(system.state) == ""


def test_every_resource_would_be_adopted_if_terraform_lost_it(system: System) -> None:
    state = json.loads((system.state / "deploy" / root.STATE).read_text())
    resources = [each for each in state["resources"] if each["type"] in adoption.LOOKUPS]
    assert {each["type"] for each in resources} == adoption.LOOKUPS.keys()
    clients = Clients(system.cloud.endpoint)
    for resource in resources:
        for instance in resource["instances"]:
            known = instance["attributes"]
            import_id = adoption.LOOKUPS[resource["type"]](clients, known)
            assert import_id is not None and import_id.endswith(known.get("id") or known["name"])


def test_without_a_distribution_the_pipeline_works_and_links_are_presigned(system: System, tmp_path: Path) -> None:
    cloudwatch = system.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms()["CompositeAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    # The other variables stay: without the webhooks' version Terraform would empty their secret.
    given = json.loads((system.state / "deploy" / "terraform" / "local.tfvars.json").read_text())
    variables = {**given, "delivery": {"enabled": False}}
    lines: list[str] = []
    outputs = root.deploy(
        system.cloud.endpoint, system.state, Path(given["manifest_path"]), variables=variables, on_line=lines.append
    )
    assert outputs.get("distribution_id") is None and "viewer_keys" not in outputs["function_names"]
    assert system.client("cloudfront").list_public_keys()["PublicKeyList"]["Quantity"] == 0
    assert system.client("ssm").describe_parameters()["Parameters"] == []
    assert system.client("cloudfront").list_distributions()["DistributionList"]["Quantity"] == 0
    planned = [line.strip() for line in lines if line.strip().startswith("# ")]
    assert "# module.observability.aws_cloudwatch_composite_alarm.health[0] will be created" in planned
    assert [entry["AlarmName"] for entry in cloudwatch.describe_alarms()["CompositeAlarms"]] == [alarm["AlarmName"]]
    assert root.planned_changes(system.state) == ""

    photo = tmp_path / "photo.jpg"
    Image.effect_noise((640, 480), 40).save(photo)
    asset = system.upload(photo, "originals/phone/tests/2026/11/23/photo.jpg")
    system.wait_until_idle()
    assert system.asset(asset)["state"] == "published"
    (alert,) = system.alerts(asset)
    texts = [html.unescape(block["text"]["text"]) for block in alert["blocks"] if "text" in block]
    (link,) = re.findall(r"<(\S+)\|Manifest>", "\n".join(texts))
    assert requests.get(link, timeout=60).json()["asset"] == asset
    assert requests.get(link.partition("?")[0], timeout=60).status_code == 403


def test_destroy_leaves_nothing(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_ARGS_destroy", "-refresh=false")  # the last plan has read everything
    root.destroy(system.state)
    assert system.client("s3").list_buckets()["Buckets"] == []
    assert system.client("cloudfront").list_distributions()["DistributionList"]["Quantity"] == 0
    assert system.client("ce").get_anomaly_monitors()["AnomalyMonitors"] == []
    assert system.client("lambda").list_functions()["Functions"] == []
