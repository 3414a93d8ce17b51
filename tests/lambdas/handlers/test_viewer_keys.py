"""The keys for viewers' links: made once, rotated without a gap, deleted with the environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from tests.support.aws_fakes import FakeContext

from impp_lambdas.adapters import aws
from impp_lambdas.adapters.settings import variable
from impp_lambdas.adapters.viewer_keys import Store
from impp_lambdas.handlers import viewer_keys
from impp_local.cloud import LocalCloud

pytestmark = pytest.mark.slow  # each test makes RSA keys


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud")) as running:
        yield running


class Account:
    """The keys of one environment, as AWS's APIs show them."""

    def __init__(self, cloud: LocalCloud, name: str) -> None:
        self.cloud, self.name = cloud, name

    def run(self, event: dict[str, Any]) -> list[str]:
        return list(viewer_keys.handler(event, FakeContext())["key_pair_ids"])

    def parameter(self, place: str) -> dict[str, Any]:
        answer = self.cloud.client("ssm").get_parameter(Name=f"/{self.name}/{place}", WithDecryption=True)
        assert answer["Parameter"]["Type"] == "SecureString"
        return dict(json.loads(answer["Parameter"]["Value"]))

    def public_keys(self) -> dict[str, str]:
        items = self.cloud.client("cloudfront").list_public_keys()["PublicKeyList"].get("Items", [])
        return {key["Id"]: key["EncodedKey"] for key in items if key["Name"].startswith(self.name)}

    def group(self) -> dict[str, Any]:
        groups = self.cloud.client("cloudfront").list_key_groups()["KeyGroupList"].get("Items", [])
        name = f"{self.name}-viewer-keys"
        (group,) = (g["KeyGroup"] for g in groups if g["KeyGroup"]["KeyGroupConfig"]["Name"] == name)
        return dict(group)

    def trusted(self) -> list[str]:
        return list(self.group()["KeyGroupConfig"]["Items"])

    def create(self) -> list[str]:
        """What Terraform does."""
        ids = self.run({"tf": {"action": "create", "prev_input": None}})
        config = {"Name": f"{self.name}-viewer-keys", "Items": ids}
        self.cloud.client("cloudfront").create_key_group(KeyGroupConfig=config)
        return ids


@pytest.fixture
def account(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Account:
    name = f"impp-{abs(hash(request.node.name))}"
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    for setting, value in (("viewer_keys_name", name), ("viewer_keys_folder", f"/{name}"), ("kms_key_arn", key)):
        monkeypatch.setenv(variable(setting), value)
    monkeypatch.setattr(aws, "client", lambda service, _version=None: cloud.client(service))
    return Account(cloud, name)


def test_a_creation_makes_two_keys_and_its_repetition_none(account: Account) -> None:
    ids = account.create()
    assert len(set(ids)) == 2 and ids == [account.parameter(place)["key_pair_id"] for place in ("current", "next")]
    assert account.run({"tf": {"action": "create"}}) == account.run({"tf": {"action": "update"}}) == ids
    assert account.public_keys().keys() == set(ids)


def test_the_private_key_belongs_to_the_public_one(account: Account) -> None:
    account.create()
    for place in ("current", "next"):
        document = account.parameter(place)
        key = load_pem_private_key(document["private_key"].encode(), None).public_key()
        public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        assert account.public_keys()[document["key_pair_id"]] == public
        assert len(json.dumps(document)) < 4096  # of a standard parameter


def test_a_rotation_signs_with_a_key_that_is_known_and_keeps_the_one_before(account: Account) -> None:
    first, second = account.create()
    assert account.run({"action": "rotate"}) == account.trusted()
    assert account.parameter("current")["key_pair_id"] == second
    assert account.trusted()[:2] == [second, first]
    third = account.parameter("next")["key_pair_id"]
    account.run({"action": "rotate"})
    assert account.trusted()[:2] == [third, second]
    assert account.public_keys().keys() == set(account.trusted())
    assert first not in account.public_keys()


@pytest.mark.parametrize("step", ["trust", "write", "delete_public_keys"])
def test_a_rotation_that_was_interrupted_can_be_repeated(
    account: Account, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.create()

    def interrupt(*_arguments: Any, **_named: Any) -> None:
        raise InterruptedError(step)

    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(Store, step, interrupt)
        account.run({"action": "rotate"})
    signing = account.parameter("current")["key_pair_id"]
    assert signing in account.trusted()
    account.run({"action": "rotate"})
    assert account.trusted()[1] == signing, "links that were signed meanwhile still open"
    assert account.parameter("current")["key_pair_id"] == account.trusted()[0]
    assert account.public_keys().keys() == set(account.trusted())


def test_a_deletion_leaves_nothing(account: Account, cloud: LocalCloud) -> None:
    account.create()
    group = account.group()["Id"]
    client = cloud.client("cloudfront")
    client.delete_key_group(Id=group, IfMatch=client.get_key_group(Id=group)["ETag"])
    assert account.run({"tf": {"action": "delete"}}) == account.run({"tf": {"action": "delete"}}) == []
    assert account.public_keys() == {}
    assert cloud.client("ssm").get_parameters(Names=[f"/{account.name}/current"])["Parameters"] == []


def test_no_private_key_is_logged(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    account.create()
    account.run({"action": "rotate"})
    printed = "\n".join(str(vars(record)) for record in caplog.records)
    assert account.trusted()[0] in printed and "PRIVATE KEY" not in printed


def test_an_unknown_action_changes_nothing(account: Account) -> None:
    with pytest.raises(ValueError, match="unknown action 'reset'"):
        account.run({"action": "reset"})
