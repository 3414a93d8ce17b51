"""What exists although Terraform would create it; tests/e2e applies the real root."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.support.paths import REPOSITORY

from impp_local.cloud import LocalCloud
from impp_local.deploy.adoption import LOOKUPS, OVERWRITTEN, adoptable
from impp_local.kernel.defaults import ACCOUNT

RESOURCE = re.compile(r'^resource "aws_(\w+)"', re.MULTILINE)


NOT_CREATED = {
    "aws_budgets_budget_action",
    "aws_rolesanywhere_profile",
    "aws_rolesanywhere_trust_anchor",
    "aws_xray_group",
}
"""Types of the modules that the root does not create in the local cloud."""


def test_every_type_of_the_root_has_one_rule() -> None:
    files = [path for folder in ("terraform", "modules") for path in (REPOSITORY / folder).glob("**/*.tf")]
    types = {
        f"aws_{kind}" for path in files if "bootstrap" not in path.parts for kind in RESOURCE.findall(path.read_text())
    }
    ruled = LOOKUPS.keys() | OVERWRITTEN
    assert not types - NOT_CREATED - ruled, "Add these to a table of src/impp_local/deploy/adoption.py."
    assert not ruled - types
    assert not LOOKUPS.keys() & OVERWRITTEN


NAMES = "bucket comment delivery_source_name description endpoint function_name group_name name protocol statement_id"


def test_nothing_is_adopted_from_an_empty_cloud(cloud: LocalCloud) -> None:
    values = dict.fromkeys(NAMES.split(), "missing") | {"topic_arn": "arn:aws:sns:us-east-1:123456789012:missing"}
    ids, is_incomplete = adoptable([change(kind, **values) for kind in LOOKUPS], cloud.endpoint)
    assert ids == {"aws_macie2_account.this": ACCOUNT}  # in moto, Macie is enabled from the start
    assert is_incomplete is False


def test_what_exists_is_adopted_once_its_configuration_is_known(cloud: LocalCloud) -> None:
    name = "it's one"
    ids = {
        each: cloud.client("cloudfront").create_origin_access_control(
            OriginAccessControlConfig={
                "Name": each,
                "SigningProtocol": "sigv4",
                "SigningBehavior": "always",
                "OriginAccessControlOriginType": "s3",
            }
        )["OriginAccessControl"]["Id"]
        for each in (name, "moved")
    }
    topic = cloud.client("sns").create_topic(Name="alerts")["TopicArn"]
    queue = cloud.client("sqs").create_queue(QueueName="dlq")["QueueUrl"]
    control = "aws_cloudfront_origin_access_control"
    assert adoptable(
        [
            change(control, "module.delivery[0].control", name=name),
            change(control, "module.delivery[0].moved", name="moved"),
            change(control, "module.delivery.moved", name="moved", deletes=True),
            change("aws_sns_topic", name="alerts"),
            change("aws_sns_topic_subscription", protocol="email", endpoint="a@b"),  # of a topic not yet known
            change("aws_sqs_queue", name="dlq"),
            change("aws_sqs_queue", "new", name="other"),
            change("aws_cloudwatch_dashboard", dashboard_name="dlq"),
        ],
        cloud.endpoint,
    ) == ({"module.delivery[0].control": ids[name], "aws_sns_topic.this": topic, "aws_sqs_queue.this": queue}, True)


def change(kind: str, address: str = "", *, deletes: bool = False, **values: Any) -> Mapping[str, Any]:
    """A change of a plan: a creation, or a deletion."""
    return {
        "mode": "managed",
        "type": kind,
        "address": address or f"{kind}.this",
        "change": {
            "actions": ["delete" if deletes else "create"],
            "before": values if deletes else None,
            "after": None if deletes else values,
        },
    }
