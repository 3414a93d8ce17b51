"""An environment on AWS, read from the outputs of its root; no request is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.stub import Stubber
from tests.support.viewer_keys import key_pair

from impp_smoke.environment import Environment, edge_environment, on_aws

OUTPUTS = {
    "state_machine_arn": "arn:aws:states:eu-west-1:210987654321:stateMachine:impp-dev-pipeline",
    "ingest_bucket": "ingest",
    "distribution_id": "E1",
    "distribution_domain": "d1.cloudfront.net",
    "viewer_key_parameter": "/impp-dev/viewer-keys/current",
}
SECRET = "a-secret-that-stays-in-the-environment"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4580")
    monkeypatch.setenv("IMPP_EDGE_BUCKET", "another")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({name: {"value": value} for name, value in OUTPUTS.items()}))
    return on_aws("dev", file)


def test_region_and_account_are_those_of_the_environment(environment: Environment) -> None:
    assert (environment.region, environment.account, environment.is_local) == ("eu-west-1", "210987654321", False)
    assert environment.client("s3").meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"


def test_media_is_requested_as_a_viewer(environment: Environment) -> None:
    stub = Stubber(environment.client("ssm"))
    value = json.dumps({"key_pair_id": "K2", "private_key": key_pair()[0]})
    asked = {"Name": OUTPUTS["viewer_key_parameter"], "WithDecryption": True}
    stub.add_response("get_parameter", {"Parameter": {"Value": value}}, asked)
    stub.activate()
    url = environment.signed(environment.delivery_url("assets/a/poster.jpg"))
    assert url is not None and url.startswith("https://d1.cloudfront.net/assets/a/poster.jpg?")
    assert url.endswith("&Key-Pair-Id=K2")


def test_the_edge_gets_the_credentials_and_no_other_settings(environment: Environment) -> None:
    env = edge_environment(environment)
    assert (env["AWS_SECRET_ACCESS_KEY"], env["AWS_REGION"]) == (SECRET, "eu-west-1")
    assert not {"AWS_ENDPOINT_URL", "IMPP_EDGE_BUCKET"} & env.keys()
    assert SECRET not in repr(environment)
