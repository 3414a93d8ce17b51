"""Channels of alerts, and addresses that have not confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.doctor_account import ACCOUNT, StubbedAws, make_checkout, make_context

from impp_cli.doctor import examination
from impp_cli.doctor.examination import THERE
from impp_cli.doctor.model import Verdict

CHECK = {check.name: check for check in THERE}["alerts"]
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:impp-dev-alerts"
EMAILS = 'alert_emails = ["a@example.org", "b@example.org"]'


@pytest.mark.parametrize(("environment", "verdict"), [("dev", Verdict.HINT), ("prod", Verdict.FAIL)])
def test_without_a_channel_prod_fails(environment: str, verdict: Verdict, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, environment=environment)
    (finding,) = examination.run(CHECK, make_context(StubbedAws(), checkout, environment=environment))
    assert (finding.verdict, finding.line) == (verdict, 'alert_emails = ["you@example.org"]')
    assert finding.file == f"terraform/envs/{environment}.tfvars"


def test_webhooks_without_a_version_fail_and_are_not_shown(tmp_path: Path) -> None:
    shell = {"TF_VAR_webhooks": '{"slack":["https://hooks.example.org/secret"]}'}
    (finding,) = examination.run(CHECK, make_context(StubbedAws(), make_checkout(tmp_path), shell=shell))
    assert (finding.verdict, finding.line) == (Verdict.FAIL, "webhooks_version = 1")
    assert "secret" not in str(finding)


def subscription(address: str, arn: str) -> dict[str, str]:
    return {"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": "email", "Endpoint": address, "TopicArn": TOPIC}


@pytest.mark.parametrize(
    ("arns", "verdict"),
    [
        ({"a@example.org": f"{TOPIC}:1", "b@example.org": f"{TOPIC}:2"}, Verdict.OK),
        ({"a@example.org": f"{TOPIC}:1", "b@example.org": "PendingConfirmation"}, Verdict.HINT),
    ],
)
def test_confirmations(arns: dict[str, str], verdict: Verdict, tmp_path: Path) -> None:
    aws = StubbedAws()
    first, second = (subscription(address, arn) for address, arn in arns.items())
    aws.answer("sns", "list_subscriptions_by_topic", {"Subscriptions": [first], "NextToken": "more"}, TopicArn=TOPIC)
    aws.answer("sns", "list_subscriptions_by_topic", {"Subscriptions": [second]}, TopicArn=TOPIC, NextToken="more")
    (finding,) = examination.run(CHECK, make_context(aws, make_checkout(tmp_path, EMAILS)))
    assert finding.verdict is verdict
    if verdict is Verdict.HINT:
        assert "b@example.org" in finding.text and "a@example.org" not in finding.text
        assert finding.command == (
            f"aws sns subscribe --topic-arn {TOPIC} --protocol email --notification-endpoint b@example.org"
        )


def test_before_the_first_deployment_nobody_has_to_confirm(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.refuse("sns", "list_subscriptions_by_topic", "NotFound", "Topic does not exist", 404)
    (finding,) = examination.run(CHECK, make_context(aws, make_checkout(tmp_path, EMAILS)))
    assert (finding.verdict, finding.text) == (Verdict.OK, "2 addresses to confirm after the deployment")


def test_webhooks_alone_are_a_channel(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.answer("sns", "list_subscriptions_by_topic", {"Subscriptions": []})
    (finding,) = examination.run(CHECK, make_context(aws, make_checkout(tmp_path, "webhooks_version = 1")))
    assert (finding.verdict, finding.text) == (Verdict.OK, "webhooks")
