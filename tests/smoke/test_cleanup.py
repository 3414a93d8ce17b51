"""The clean-up removes what a run made, whoever does it, and never anything else."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.local_cloud import Maker, wait_until

from impp_lambdas.core import keys
from impp_lambdas.core.planning.transcription import job_name
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_smoke.cleanup import Cleaner
from impp_smoke.environment import Environment

pytestmark = pytest.mark.slow  # each test makes an account and empties it

DEVICE, OTHER = "smoke-0123456789ab", "smoke-ba9876543210"
SHA256 = "ab" * 32


@dataclass
class Account:
    """An account with the buckets, catalog and topic of an environment."""

    make: Maker
    outputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        client = self.make.client
        for output in ("ingest_bucket", "work_bucket", "delivery_bucket"):
            self.outputs[output] = self.make.name("bucket")
            client("s3").create_bucket(Bucket=self.outputs[output])
        versioning = {"Status": "Enabled"}
        client("s3").put_bucket_versioning(Bucket=self.outputs["ingest_bucket"], VersioningConfiguration=versioning)
        self.outputs["catalog_table"] = self.make.name("catalog")
        client("dynamodb").create_table(
            TableName=self.outputs["catalog_table"],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.outputs["alert_topic_arn"] = client("sns").create_topic(Name=self.make.name("alerts"))["TopicArn"]
        self.outputs["state_machine_arn"] = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:pipeline"

    @property
    def environment(self) -> Environment:
        return Environment("tests", self.outputs, self.make.client, {}, self.make.cloud.endpoint)

    def put(self, output: str, key: str, **extra: Any) -> str:
        stored = self.make.client("s3").put_object(Bucket=self.outputs[output], Key=key, Body=b"x", **extra)
        return str(stored.get("VersionId", "null"))

    def item(self, pk: str, **attributes: str) -> None:
        item = {name: {"S": value} for name, value in {"pk": pk, **attributes}.items()}
        self.make.client("dynamodb").put_item(TableName=self.outputs["catalog_table"], Item=item)

    def original(self, device: str, execution: str, sha256: str = SHA256, name: str = "clip.mp4") -> tuple[str, str]:
        """An original with its claim; returns its key and version."""
        key = f"originals/phone/{device}/2026/11/22/{name}"
        version = self.put("ingest_bucket", key, Metadata={"impp-sha256": sha256})
        self.item(keys.catalog_claim(self.outputs["ingest_bucket"], key, version), execution=execution)
        return key, version

    def results(self, asset: str, key: str, execution: str, state: str = "published") -> None:
        """What the pipeline leaves of an asset."""
        self.put("delivery_bucket", keys.delivery(asset, "manifest.json"))
        self.put("work_bucket", keys.work(asset, "frames.json"))
        self.item(keys.catalog_asset(asset), asset=asset, key=key, state=state, execution=execution)

    def kept(self) -> set[str]:
        """Everything that there is: keys with their versions, and catalog items."""
        client, kept = self.make.client, set[str]()
        for output in ("ingest_bucket", "work_bucket", "delivery_bucket"):
            listed = client("s3").list_object_versions(Bucket=self.outputs[output])
            entries = itertools.chain(listed.get("Versions", ()), listed.get("DeleteMarkers", ()))
            kept |= {f"{entry['Key']}#{entry['VersionId']}" for entry in entries}
        items = client("dynamodb").scan(TableName=self.outputs["catalog_table"])["Items"]
        return kept | {item["pk"]["S"] for item in items}


@pytest.fixture
def account(make: Maker) -> Account:
    return Account(make)


@pytest.fixture
def ended(make: Maker) -> str:
    """An execution that has ended."""
    return str(make.run({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})["executionArn"])


def test_it_removes_the_run_and_nothing_else(account: Account, ended: str) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    account.item(keys.catalog_spend(today[:7]), usd="1")
    account.item(keys.catalog_spend(today), usd="1")
    account.item(keys.catalog_spend(f"{today}#phone/{OTHER}"), usd="1")
    key, _ = account.original(OTHER, ended, "cd" * 32)
    account.results(("cd" * 32)[:20], key, ended)
    before = account.kept()
    key, version = account.original(DEVICE, ended)
    account.results(SHA256[:20], key, ended)
    account.item(keys.catalog_spend(f"{today}#phone/{DEVICE}"), usd="1")
    odd = keys.asset_id(account.outputs["ingest_bucket"], key, version, None)
    account.put("work_bucket", keys.work(odd, "original.mp4"))
    account.make.client("s3").delete_object(Bucket=account.outputs["ingest_bucket"], Key=key)
    cleaned = Cleaner(account.environment, DEVICE).clean()
    assert (cleaned.left, account.kept()) == ([], before)


def test_an_asset_of_another_original_stays_although_the_content_is_equal(account: Account, ended: str) -> None:
    account.results(SHA256[:20], "originals/phone/mine/2026/11/22/clip.mp4", ended)
    before = account.kept()
    account.original(DEVICE, ended)
    assert Cleaner(account.environment, DEVICE).clean().left == []
    assert account.kept() == before


def test_a_running_execution_is_stopped_first(account: Account) -> None:
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    execution = account.make.start(account.make.machine(waiting))
    before = account.kept()
    account.original(DEVICE, execution)
    cleaned = Cleaner(account.environment, DEVICE).clean()
    assert cleaned.removed["executions stopped"] == 1
    described = account.make.client("stepfunctions").describe_execution(executionArn=execution)
    assert described["status"] == "ABORTED"
    assert (cleaned.left, account.kept()) == ([], before)


def test_the_end_of_an_execution_is_recorded_before_the_results_go(account: Account) -> None:
    """The function that records it writes a catalog item, which nobody would remove afterwards."""
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    execution = account.make.start(account.make.machine(waiting))
    key, version = account.original(DEVICE, execution)
    claim = keys.catalog_claim(account.outputs["ingest_bucket"], key, version)
    account.item(claim, execution=execution, asset=SHA256[:20])
    account.results(SHA256[:20], key, execution, state="processing")

    def record(_seconds: float) -> None:
        account.item(keys.catalog_asset(SHA256[:20]), key=key, state="failed", execution=execution)

    times = iter(range(0, 10_000, 200))
    early = Cleaner(account.environment, DEVICE, now=lambda: next(times), sleep=lambda _s: None).clean()
    assert any("not recorded" in entry for entry in early.left)
    assert {claim, keys.catalog_asset(SHA256[:20])} < account.kept()
    cleaned = Cleaner(account.environment, DEVICE, sleep=record).clean()
    assert (cleaned.left, account.kept()) == ([], set())


def test_a_transcription_under_way_writes_its_result_before_the_results_go(account: Account) -> None:
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    execution = account.make.start(account.make.machine(waiting))
    key, version = account.original(DEVICE, execution)
    asset = SHA256[:20]
    account.item(keys.catalog_claim(account.outputs["ingest_bucket"], key, version), execution=execution, asset=asset)
    account.results(asset, key, execution, state="failed")
    statuses = ["IN_PROGRESS", "COMPLETED"]

    class Transcribe:
        def get_transcription_job(self, TranscriptionJobName: str) -> dict[str, dict[str, str]]:
            assert TranscriptionJobName == job_name(asset, execution)
            status = statuses.pop(0)
            if status == "COMPLETED":
                account.put("work_bucket", keys.work(asset, "transcript.json"))
            return {"TranscriptionJob": {"TranscriptionJobStatus": status}}

    def client(service: str) -> Any:
        return Transcribe() if service == "transcribe" else account.make.client(service)

    environment = Environment("tests", account.outputs, client, {}, account.make.cloud.endpoint)
    cleaned = Cleaner(environment, DEVICE, sleep=lambda _s: None).clean()
    assert (cleaned.left, account.kept(), statuses) == ([], set(), [])


def test_what_cannot_be_removed_is_named_and_can_still_be_found(account: Account, ended: str) -> None:
    key, version = account.original(DEVICE, ended)
    account.results(SHA256[:20], key, ended)
    missing = account.outputs | {"delivery_bucket": "a-bucket-that-does-not-exist"}
    environment = Environment("tests", missing, account.make.client, {}, account.make.cloud.endpoint)
    cleaned = Cleaner(environment, DEVICE).clean()
    assert any(key in entry for entry in cleaned.left)
    assert f"{key}#{version}" in account.kept()
    assert Cleaner(account.environment, DEVICE).clean().left == []
    assert account.kept() == set()


@pytest.mark.parametrize("device", ["", "smoke-", "blue-car", "*"])
def test_only_a_runs_device_is_accepted(account: Account, device: str) -> None:
    with pytest.raises(ValueError, match="not the device"):
        Cleaner(account.environment, device)


def test_the_queue_of_alerts_goes(account: Account) -> None:
    from impp_smoke.alerts import AlertQueue

    queue = AlertQueue(account.environment, DEVICE)
    queue.open()
    topic = account.outputs["alert_topic_arn"]
    account.make.client("sns").publish(TopicArn=topic, Message='{"asset": "a", "kind": "published"}')
    account.make.client("sns").publish(TopicArn=topic, Message="an alarm in words")
    alerts = queue.receive(lambda alerts: len(alerts) >= 2, attempts=5)
    assert {"asset": "a", "kind": "published"} in alerts
    assert Cleaner(account.environment, DEVICE).clean().left == []
    listed = account.make.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    assert listed["Subscriptions"] == []
    wait_until(lambda: not account.make.client("sqs").list_queues(QueueNamePrefix="impp-smoke-").get("QueueUrls"))
