"""A function URL behind a distribution: who may call it, and what it gets."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.local_cloud import Maker
from tests.support.private_delivery import distribution

from impp_local.cloud import LocalCloud

CODE = """
import json
def handler(event, context):
    if event.get("body") == "fail":
        raise ValueError("secret")
    return {"statusCode": 201, "headers": {"x-seen": "yes"}, "body": json.dumps(event)}
"""
ALL = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
PERMISSIONS = ("lambda:InvokeFunction", "lambda:InvokeFunctionUrl")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud"), enforce=True) as running:
        yield running


@dataclass
class Api:
    """A function behind a distribution that may not call it yet."""

    make: Maker
    function: str
    arn: str
    root: str

    def allow(self, *actions: str) -> None:
        for action in actions:
            self.make.client("lambda").add_permission(
                FunctionName=self.function,
                StatementId=action.partition(":")[2],
                Action=action,
                Principal="cloudfront.amazonaws.com",
                SourceArn=self.arn,
            )

    def post(self, body: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        named = {"Content-Type": "application/json", "x-amz-content-sha256": hashlib.sha256(body.encode()).hexdigest()}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.root}api/actions?a=1", body.encode(), named, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


def behind_a_distribution(make: Maker, **control: str) -> Api:
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    role = make.client("iam").create_role(RoleName=make.name("role"), AssumeRolePolicyDocument=json.dumps(trust))
    function = make.function(CODE, Role=role["Role"]["Arn"])
    client = make.client("lambda")
    url = client.create_function_url_config(FunctionName=function, AuthType="AWS_IAM")["FunctionUrl"]
    cloudfront = make.client("cloudfront")
    config = distribution("delivery")
    origin: dict[str, Any] = {
        "Id": "api",
        "DomainName": url.removeprefix("https://").rstrip("/"),
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
        **control,
    }
    config["Origins"]["Items"].append(origin)
    config["Origins"]["Quantity"] = 2
    behavior = {**config["DefaultCacheBehavior"], "TargetOriginId": "api", "PathPattern": "/api/*"}
    behavior["AllowedMethods"] = {"Quantity": len(ALL), "Items": ALL}
    config["CacheBehaviors"] = {"Quantity": 1, "Items": [behavior]}
    created = cloudfront.create_distribution(DistributionConfig=config)["Distribution"]
    return Api(make, function, created["ARN"], f"{make.cloud.endpoint}/_cloudfront/{created['Id']}/")


@pytest.fixture
def api(make: Maker) -> Api:
    control = make.client("cloudfront").create_origin_access_control(
        OriginAccessControlConfig={
            "Name": f"oac-{time.monotonic_ns()}",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "lambda",
        }
    )["OriginAccessControl"]["Id"]
    return behind_a_distribution(make, OriginAccessControlId=control)


def test_the_function_gets_the_viewers_request_and_answers_it(api: Api) -> None:
    api.allow(*PERMISSIONS)
    status, headers, body = api.post('{"b": 2}', cookie="CloudFront-Policy=p; other=1", x_impp="1")
    event = json.loads(body)
    assert status == 201 and headers["x-seen"] == "yes"
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/api/actions", "a=1")
    assert event["requestContext"]["http"]["method"] == "POST" and event["headers"]["x-impp"] == "1"
    assert event["cookies"] == ["CloudFront-Policy=p", "other=1"]
    assert event["body"] == '{"b": 2}' and not event["isBase64Encoded"]
    assert event["headers"]["host"].endswith(".on.aws"), "not the viewer's host"


@pytest.mark.parametrize("actions", [(), PERMISSIONS[:1], PERMISSIONS[1:]])
def test_a_distribution_needs_both_permissions(api: Api, actions: tuple[str, ...]) -> None:
    api.allow(*actions)
    assert api.post("{}")[0] == 403


def test_another_distribution_may_not_call_it(api: Api) -> None:
    api.arn += "X"
    api.allow(*PERMISSIONS)
    assert api.post("{}")[0] == 403


def test_an_origin_without_access_control_sends_no_signature(make: Maker) -> None:
    api = behind_a_distribution(make)
    api.allow(*PERMISSIONS)
    assert api.post("{}")[0] == 403


@pytest.mark.parametrize("claimed", ["", "UNSIGNED-PAYLOAD", hashlib.sha256(b"another body").hexdigest()])
def test_a_body_without_its_hash_is_refused(api: Api, claimed: str) -> None:
    api.allow(*PERMISSIONS)
    status, _, body = api.post("{}", x_amz_content_sha256=claimed)
    assert status == 403 and b"signature" in body


def test_a_failed_function_is_a_502_that_reveals_nothing(api: Api) -> None:
    api.allow(*PERMISSIONS)
    status, _, body = api.post("fail")
    assert status == 502 and b"secret" not in body
