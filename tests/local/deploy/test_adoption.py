"""What exists although Terraform would create it; tests/e2e applies the real root."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.paths import REPOSITORY

from impp_local.cloud import LocalCloud
from impp_local.deploy.adoption import LOOKUPS, OVERWRITTEN, Adoptable, adoptable
from impp_local.kernel.defaults import ACCOUNT

MODULE = re.compile(r'^ +source += "(\.[^"]+)"', re.MULTILINE)
RESOURCE = re.compile(r'^resource "aws_(\w+)"', re.MULTILINE)


NOT_CREATED = {
    "aws_budgets_budget_action",
    "aws_rolesanywhere_profile",
    "aws_rolesanywhere_trust_anchor",
    "aws_xray_group",
}
"""Types of the modules that the root does not create in the local cloud."""


def _sources(folder: Path) -> list[str]:
    """The text of a configuration's files, and of the modules that it uses."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf"))]
    modules = {(folder / source).resolve() for text in texts for source in MODULE.findall(text)}
    return texts + [text for module in sorted(modules) for text in _sources(module)]


def test_every_type_of_the_root_has_one_rule() -> None:
    types = {f"aws_{kind}" for text in _sources(REPOSITORY / "terraform") for kind in RESOURCE.findall(text)}
    ruled = LOOKUPS.keys() | OVERWRITTEN
    assert not types - NOT_CREATED - ruled, "Add these to a table of src/impp_local/deploy/adoption.py."
    assert not ruled - types
    assert not LOOKUPS.keys() & OVERWRITTEN


NAMES = "bucket comment delivery_source_name description endpoint function_name group_name name protocol statement_id"


def test_nothing_is_adopted_from_an_empty_cloud(cloud: LocalCloud) -> None:
    values = dict.fromkeys(NAMES.split(), "missing") | {"topic_arn": "arn:aws:sns:us-east-1:123456789012:missing"}
    existing = adoptable([change(kind, **values) for kind in LOOKUPS], cloud.endpoint)
    assert existing == Adoptable({"aws_macie2_account.this": ACCOUNT})  # in moto, Macie is enabled from the start


CONTROL = "aws_cloudfront_origin_access_control"


def create_control(cloud: LocalCloud, name: str) -> str:
    """An origin access control, whose id CloudFront chooses."""
    configuration = {"SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
    created = cloud.client("cloudfront").create_origin_access_control(
        OriginAccessControlConfig={"Name": name, **configuration}
    )
    return str(created["OriginAccessControl"]["Id"])


def test_what_exists_is_adopted_once_its_configuration_is_known(cloud: LocalCloud) -> None:
    control = create_control(cloud, "it's one")
    create_control(cloud, "moved")
    topic = cloud.client("sns").create_topic(Name="alerts")["TopicArn"]
    queue = cloud.client("sqs").create_queue(QueueName="dlq")["QueueUrl"]
    changes = [
        change(CONTROL, "module.delivery[0].control", name="it's one"),
        change(CONTROL, "module.delivery[0].moved", name="moved"),
        change(CONTROL, "module.delivery.moved", before={"name": "moved"}),
        change("aws_sns_topic", name="alerts"),
        change("aws_sns_topic_subscription", protocol="email", endpoint="a@b"),  # of a topic not yet known
        change("aws_sqs_queue", name="dlq"),
        change("aws_sqs_queue", "new", name="other"),
        change("aws_cloudwatch_dashboard", dashboard_name="dlq"),
    ]
    ids = {"module.delivery[0].control": control, "aws_sns_topic.this": topic, "aws_sqs_queue.this": queue}
    assert adoptable(changes, cloud.endpoint) == Adoptable(ids, is_incomplete=True)


def test_a_successor_that_exists_is_adopted_in_place_of_its_predecessor(cloud: LocalCloud) -> None:
    create_control(cloud, "old")
    successor = create_control(cloud, "new")
    changes = [
        change(CONTROL, "replaced", before={"name": "old"}, name="new"),
        change(CONTROL, "same_name", before={"name": "old"}, name="old"),
        change(CONTROL, "not_yet_replaced", before={"name": "old"}, name="newer"),
    ]
    assert adoptable(changes, cloud.endpoint) == Adoptable({"replaced": successor}, ["replaced"])


def change(kind: str, address: str = "", *, before: Mapping[str, Any] | None = None, **after: Any) -> Mapping[str, Any]:
    """A change of a plan: a creation, a deletion (only `before`) or a replacement (both)."""
    actions = [*(["create"] if after else []), *(["delete"] if before else [])]
    configurations = {"actions": actions, "before": before, "after": after or None}
    return {"mode": "managed", "type": kind, "address": address or f"{kind}.this", "change": configurations}
