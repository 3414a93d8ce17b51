"""A deployed environment for the reading side of the command `impp`: catalog and buckets, without a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws
from tests.support import moto_threads, moto_urls

from impp_cli import environments
from impp_cli.aws import Account
from impp_cli.cli import main
from impp_lambdas.adapters import attributes

REGION: Final = "us-east-1"
INGEST: Final = "impp-dev-ingest"
DELIVERY: Final = "impp-dev-delivery"
TABLE: Final = "impp-dev-catalog"
OUTPUTS: Final = {
    "catalog_table": TABLE,
    "delivery_bucket": DELIVERY,
    "ingest_bucket": INGEST,
    "state_machine_arn": f"arn:aws:states:{REGION}:123456789012:stateMachine:impp-dev-pipeline",
}

moto_urls.keep()


class ArchiveAccount:
    """The environment dev: what is in it, and the command that reads it."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.environ = {"XDG_CONFIG_HOME": str(config), "XDG_CACHE_HOME": str(config / "cache")}
        self.environment = environments.of_outputs("dev", OUTPUTS)
        environments.write(self.environment, self.environ)
        self.account = Account(REGION, self.environment.settings)
        self.s3 = boto3.client("s3", region_name=REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        for bucket in (INGEST, DELIVERY):
            self.s3.create_bucket(Bucket=bucket)
        versioning: Any = {"Status": "Enabled"}
        self.s3.put_bucket_versioning(Bucket=INGEST, VersioningConfiguration=versioning)
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def put_item(self, pk: str, values: Mapping[str, Any]) -> None:
        """An item of the catalog."""
        self.dynamodb.put_item(TableName=TABLE, Item=attributes.item({**values, "pk": pk}))

    def add_to_set(self, pk: str, name: str, texts: list[str]) -> None:
        """A set in an item of the catalog."""
        self.dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": pk}},
            UpdateExpression="ADD #n :s",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":s": {"SS": texts}},
        )

    def put_original(self, key: str, body: bytes) -> str:
        """An original; returns its version."""
        return str(self.s3.put_object(Bucket=INGEST, Key=key, Body=body)["VersionId"])

    def impp(self, *arguments: str, **options: Any) -> Result:
        """Run the command."""
        return CliRunner(env=self.environ).invoke(main, arguments, **options)


@contextmanager
def archive_account(monkeypatch: pytest.MonkeyPatch, config: Path) -> Iterator[ArchiveAccount]:
    """The account, imitated by moto."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "IMPP_ENV"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    moto_threads.take_turns(monkeypatch)
    with mock_aws():
        yield ArchiveAccount(config)
