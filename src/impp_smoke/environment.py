"""A deployed environment: its names from the outputs of the Terraform root, clients of its account, and its viewers.

Everything but the local bill is an AWS API, so the same run works on AWS and on this machine.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import requests

from impp_cli.sharing.signing import Signer
from impp_local.deploy.terraform import REPOSITORY

CA_BUNDLE: Final = "AWS_CA_BUNDLE"
LINK_S: Final = 300
"""How long the links that a run makes for itself work."""


class SmokeError(RuntimeError):
    """The run cannot begin or continue; the message says why and what to do."""


class Clients(Protocol):
    """boto3 clients by service name."""

    def __call__(self, service: str, /) -> Any:
        """The client of a service."""


@dataclass(frozen=True)
class Environment:
    """`outputs` are those of the root. `credentials` are environment variables for the edge script. `endpoint` is the
    local cloud's, None on AWS."""

    name: str
    outputs: Mapping[str, Any]
    client: Clients
    credentials: Mapping[str, str] = field(repr=False)
    endpoint: str | None = None

    @property
    def region(self) -> str:
        """The region of the environment."""
        return str(self.outputs["state_machine_arn"]).split(":")[3]

    @property
    def account(self) -> str:
        """The account of the environment."""
        return str(self.outputs["state_machine_arn"]).split(":")[4]

    @property
    def is_local(self) -> bool:
        """Whether it is the local cloud, which bills nothing."""
        return self.endpoint is not None

    def check(self) -> None:
        """Raise SmokeError unless the credentials belong to the account of the environment."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            account = self.client("sts").get_caller_identity()["Account"]
            self.client("s3").head_bucket(Bucket=self.outputs["ingest_bucket"])
        except (BotoCoreError, ClientError) as error:
            raise SmokeError(
                f"The environment {self.name} cannot be reached: {error}. Check your AWS credentials."
            ) from error
        if account != self.account:
            raise SmokeError(
                f"Your credentials belong to account {account}, the environment {self.name} is in {self.account}."
            )

    def deliver(self, key: str, *, start: int | None = None, end: int | None = None) -> requests.Response:
        """Request a delivered object as a viewer does: from CloudFront, or by a presigned S3 URL without it."""
        wanted = {"Range": f"bytes={start or 0}-{'' if end is None else end}"} if (start, end) != (None, None) else {}
        return requests.get(self.signed(self.delivery_url(key)) or self._presigned(key), headers=wanted, timeout=120)

    def delivery_url(self, key: str) -> str | None:
        """The address of a delivered object at CloudFront; None without a distribution."""
        if not self.outputs.get("distribution_id"):
            return None
        if self.endpoint:
            return f"{self.endpoint}/_cloudfront/{self.outputs['distribution_id']}/{key}"
        return f"https://{self.outputs['distribution_domain']}/{key}"

    def signed(self, url: str | None) -> str | None:
        """The address with a viewer's signature; None without a distribution."""
        return self.viewer.url(url, time.time() + LINK_S) if url else None

    @cached_property
    def viewer(self) -> Signer:
        """Signs with the environment's current key for viewers. Raises SmokeError."""
        from botocore.exceptions import BotoCoreError, ClientError

        name = self.outputs["viewer_key_parameter"]
        try:
            answer = self.client("ssm").get_parameter(Name=name, WithDecryption=True)
        except (BotoCoreError, ClientError) as error:
            raise SmokeError(f"The viewers' key {name} cannot be read: {error}") from error
        return Signer.of_parameter(answer["Parameter"]["Value"])

    def bucket_url(self, bucket: str, key: str) -> str:
        """The address of an object at S3, without a signature."""
        return f"{self.client('s3').meta.endpoint_url}/{bucket}/{key}"

    def metered(self) -> Mapping[tuple[str, str], float] | None:
        """USD that the local cloud has metered, by asset and service; None on AWS, whose bill takes a day."""
        if not self.endpoint:
            return None
        with urllib.request.urlopen(f"{self.endpoint}/_impp/bill", timeout=30) as response:  # noqa: S310  # ours
            lines = json.load(response)["lines"]
        billed: dict[tuple[str, str], float] = {}
        for line in lines:
            if asset := line.get("asset"):
                billed[asset, line["service"]] = billed.get((asset, line["service"]), 0.0) + line["usd"]
        return billed

    def _presigned(self, key: str) -> str:
        parameters = {"Bucket": self.outputs["delivery_bucket"], "Key": key}
        url: str = self.client("s3").generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_S)
        return url


def on_aws(name: str, outputs_file: Path) -> Environment:
    """An environment on AWS. `outputs_file` holds what `terraform output -json` prints. Raises SmokeError."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        document = json.loads(outputs_file.read_text("utf-8"))
        outputs = {key: output["value"] for key, output in document.items()}
        region = str(outputs["state_machine_arn"]).split(":")[3]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise SmokeError(
            f"{name} is not deployed, as far as Terraform knows: run `make deploy ENV={name}` first."
        ) from error
    if not str(outputs["state_machine_arn"]).endswith(f":impp-{name}-pipeline"):  # terraform/main.tf
        raise SmokeError(
            f"The outputs are those of {outputs['state_machine_arn']}, not of {name}: another `make` command has"
            " initialised the root for another environment meanwhile. Run it again."
        )
    try:
        session = boto3.Session(region_name=region)
        credentials = session.get_credentials()
        if credentials is None:
            raise SmokeError("There are no AWS credentials: set AWS_PROFILE, or run `aws configure`.")
        frozen = credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise SmokeError(f"There are no usable AWS credentials: {error}") from error
    keys = {
        "AWS_ACCESS_KEY_ID": frozen.access_key or "",
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key or "",
        "AWS_SESSION_TOKEN": frozen.token or "",
        "AWS_REGION": region,
    }
    clients: dict[str, Any] = {}
    connect: Any = session.client
    # AWS_ENDPOINT_URL may still point at a local cloud. A presigned URL of an object that a KMS key encrypts works with
    # Signature Version 4 only.
    settings: dict[str, Any] = {
        "retries": {"mode": "adaptive", "max_attempts": 8}, "ignore_configured_endpoint_urls": True,
    }  # fmt: skip
    signatures = {"s3": "s3v4"}

    def client(service: str) -> Any:
        if service not in clients:
            config = Config(signature_version=signatures.get(service), **settings)
            clients[service] = connect(service, config=config)
        return clients[service]

    return Environment(name, outputs, client, keys)


def on_this_machine(state: Path) -> Environment:
    """The environment of the local cloud that runs with a state folder. Raises SmokeError."""
    from impp_local.demo.up import Record
    from impp_local.deploy import root
    from impp_local.kernel.clients import Clients as LocalClients
    from impp_local.kernel.defaults import aws_settings

    record = Record.read(state)
    if record is None or not record.is_running():
        raise SmokeError(f"No local cloud runs with {state}. Start one with `make up`, in another terminal.")
    if not root.is_applied(state):
        raise SmokeError(f"The local cloud at {record.endpoint} is not deployed yet: wait for `make up`.")
    outputs = root.outputs(state)
    return Environment("local", outputs, LocalClients(record.endpoint), aws_settings(record.endpoint), record.endpoint)


def edge_environment(environment: Environment) -> dict[str, str]:
    """The environment of the edge script: our packages, these credentials, and no other settings of AWS or the edge."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IMPP_")) or name == CA_BUNDLE
    }
    env["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "edge")])
    return env | {name: value for name, value in environment.credentials.items() if value}
