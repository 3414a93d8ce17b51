"""An environment on AWS, read from the outputs of its root; no request is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impp_local.services.cloudfront.viewers import viewers_key
from impp_smoke.environment import Environment, SmokeError, edge_environment, on_aws

OUTPUTS = {
    "state_machine_arn": "arn:aws:states:eu-west-1:210987654321:stateMachine:impp-dev-pipeline",
    "ingest_bucket": "ingest",
    "distribution_id": "E1",
    "distribution_domain": "d1.cloudfront.net",
    "key_pair_ids": {"family": "K2"},
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
    return read(tmp_path, "family")


def read(folder: Path, viewer: str) -> Environment:
    file = folder / "outputs.json"
    file.write_text(json.dumps({name: {"value": value} for name, value in OUTPUTS.items()}))
    return on_aws("dev", file, (viewer, viewers_key(folder)[0]))


def test_region_and_account_are_those_of_the_environment(environment: Environment) -> None:
    assert (environment.region, environment.account, environment.is_local) == ("eu-west-1", "210987654321", False)
    assert environment.client("s3").meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"


def test_media_is_requested_as_the_viewer(environment: Environment) -> None:
    url = environment.signed(environment.delivery_url("assets/a/poster.jpg"))
    assert url is not None and url.startswith("https://d1.cloudfront.net/assets/a/poster.jpg?")
    assert url.endswith("&Key-Pair-Id=K2")


def test_an_unknown_viewer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SmokeError, match="no viewer key stranger; the environment has family"):
        read(tmp_path, "stranger")


def test_the_edge_gets_the_credentials_and_no_other_settings(environment: Environment) -> None:
    env = edge_environment(environment)
    assert (env["AWS_SECRET_ACCESS_KEY"], env["AWS_REGION"]) == (SECRET, "eu-west-1")
    assert not {"AWS_ENDPOINT_URL", "IMPP_EDGE_BUCKET"} & env.keys()
    assert SECRET not in repr(environment)
