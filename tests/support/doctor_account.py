"""An account whose answers a test chooses, and a checkout: what the checks of `impp doctor` look at.

Answers are validated by botocore's Stubber against the model of the service.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.stub import Stubber
from tests.support.paths import REPOSITORY

from impp_cli.aws import Account
from impp_cli.checkout import Checkout
from impp_cli.doctor.model import Caller, Context
from impp_cli.environments import Settings

ACCOUNT: Final = "123456789012"
CALLER: Final = Caller(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Administrator/me")
LOCAL: Final = Settings(endpoint_url="http://127.0.0.1:1")
MONITOR: Final = f"arn:aws:ce::{ACCOUNT}:anomalymonitor/0c2f6ee0-6a6c-4f0e-9d0d-7f4b3c1f7a11"


@cache
def _session() -> boto3.Session:
    """One for all tests: it reads the model of each service once."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


class StubbedAws:
    """Clients that answer what they were told, in that order per service, and nothing else."""

    def __init__(self) -> None:
        self._stubs: dict[str, tuple[Any, Stubber]] = {}

    def answer(self, service: str, operation: str, response: Mapping[str, Any], **expected: Any) -> None:
        """The next answer of a service; `expected` are the parameters that the call must have, if any are given."""
        self._stub(service).add_response(operation, dict(response), expected or None)

    def refuse(self, service: str, operation: str, code: str, message: str = "", status: int = 400) -> None:
        """The next answer of a service: an error."""
        self._stub(service).add_client_error(operation, code, message, status)

    def account(self, region: str = "us-east-1", settings: Settings | None = None) -> Account:
        """The account, as the checks use it."""
        return Account(region, settings or Settings(), lambda service, _region: self._client(service))

    def assert_all_used(self) -> None:
        """That every answer was asked for."""
        for _, stub in self._stubs.values():
            stub.assert_no_pending_responses()

    def _client(self, service: str) -> Any:
        self._stub(service)
        return self._stubs[service][0]

    def _stub(self, service: str) -> Stubber:
        if service not in self._stubs:
            create: Any = _session().client
            client = create(service)
            stub = Stubber(client)
            stub.activate()
            self._stubs[service] = (client, stub)
        return self._stubs[service][1]


def make_checkout(folder: Path, variables: str = "", environment: str = "dev", region: str = "us-east-1") -> Checkout:
    """A checkout with one environment, whose file names it and its budget besides the given HCL."""
    terraform = folder / "terraform"
    (terraform / "envs").mkdir(parents=True)
    (terraform / "bootstrap").mkdir()
    shutil.copy(REPOSITORY / "terraform" / "versions.tf", terraform)
    (terraform / "region.tfvars").write_text(f'region = "{region}"\n')
    (terraform / "envs" / f"{environment}.tfvars").write_text(
        f'environment = "{environment}"\nmonthly_budget_usd = 20\n{variables}\n'
    )
    return Checkout(folder)


def make_context(aws: StubbedAws, checkout: Checkout, **changes: Any) -> Context:
    """What a check looks at; environment dev, no variables of the shell."""
    given = {"environment": "dev", "account": aws.account(checkout.region), "shell": {}, "caller": CALLER, **changes}
    return Context(checkout, **given)
