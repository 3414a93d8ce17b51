"""Actions against S3, the catalog and Step Functions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.aws_fakes import INGEST, TABLE, WORK, FakeContext
from tests.support.dashcam_facts import ASSET, FACTS
from tests.support.pipeline_account import DELIVERY, EXECUTION, Account, Answer, pipeline_account

from impp_lambdas.adapters import aws, catalog, dynamo, index, s3, spending
from impp_lambdas.adapters.actions import receipts, replay
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.handlers import actions

KEY = "originals/dashcam/blackvue/2026/11/20/20261120_081500_NF.mp4"
CLIP = b"clip" * 5000
CRC = "AAAAAAAAAAA="
MONTH = f"{datetime.now(UTC):%Y-%m}"

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-test-pipeline"

started: dict[str, Answer] = {}


def start_execution(**request: Any) -> Answer:
    """StartExecution for executions that run on: the same name and input succeed again, another input is refused (Step
    Functions API Reference, StartExecution)."""
    assert request["stateMachineArn"] == MACHINE
    if started.setdefault(request["name"], request) != request:
        raise ClientError({"Error": {"Code": "ExecutionAlreadyExists", "Message": ""}}, "StartExecution")
    return {"executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{request['name']}"}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        lock: Any = {"ObjectLockEnabled": "Enabled"}
        boto3.client("s3").put_object_lock_configuration(Bucket=INGEST, ObjectLockConfiguration=lock)
        monkeypatch.setenv("IMPP_STATE_MACHINE_ARN", MACHINE)
        started.clear()
        monkeypatch.setattr(aws.client("stepfunctions"), "start_execution", start_execution)
        monkeypatch.setenv("IMPP_RENDERS", "yes")
        monkeypatch.setattr(aws.client("sns"), "publish", lambda **message: sent.append(json.loads(message["Message"])))
        sent: list[Answer] = []
        opened.alerts = sent  # type: ignore[attr-defined]
        yield opened


def store(account: Account, storage_class: str = "STANDARD", asset: str = ASSET, **values: Any) -> str:
    """An asset with an original, its claim and its catalog item; returns the version."""
    put = boto3.client("s3").put_object(
        Bucket=INGEST, Key=KEY, Body=CLIP, StorageClass=storage_class, Metadata={"impp-sha256": "0" * 64}
    )
    version = put["VersionId"]
    account._crcs[version] = CRC
    dynamo.put_item(TABLE, keys.catalog_claim(INGEST, KEY, version), {"execution": EXECUTION, "asset": asset})
    item = {"asset": asset, "state": "published", "bucket": INGEST, "key": KEY, "version": version, "size": len(CLIP)}
    item |= {"crc64nvme": CRC, "execution": EXECUTION, "ledger": [], "usd": 0.0, "usd_quote": 0.01}
    item |= {"captured_at": "2026-11-20T08:15:00Z", "kind": "video", "source": "dashcam", "device": "blackvue"}
    dynamo.put_item(TABLE, keys.catalog_asset(asset), {**item, **values})
    return version


def ask(action: str, request: str | None = None, dry_run: bool = False, **options: Any) -> Answer:
    """The result for the asset."""
    event = {"action": action, "assets": [ASSET], "options": options, "dry_run": dry_run}
    answer = actions.handler({**event, "request": request or str(uuid.uuid4())}, FakeContext())
    assert "error" not in answer, answer
    return answer["results"][0]  # type: ignore[no-any-return]


def restored(version: str) -> Answer:
    detail = {"bucket": {"name": INGEST}, "object": {"key": KEY, "version-id": version}}
    return actions.handler({"detail": detail}, FakeContext())


def executions() -> list[Answer]:
    """Requests that started an execution."""
    return list(started.values())


def restores(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Requests to RestoreObject, which S3 answers at once; its copy is not there yet."""
    requests: list[Answer] = []
    monkeypatch.setattr(aws.client("s3"), "restore_object", lambda **request: requests.append(request))
    return requests


def test_a_quote_states_price_and_time_and_changes_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    store(account, "DEEP_ARCHIVE")
    asked = restores(monkeypatch)
    before = account.items("")
    quote = ask("restore", dry_run=True, tier="standard", days=2)
    assert quote["status"] == "would" and quote["usd"] > 0 and quote["ready_in_s"] == 12 * 3600
    assert not asked and account.items("") == before


def test_a_restore_is_paid_once_and_ends_with_an_alert(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    version = store(account, "DEEP_ARCHIVE")
    asked = restores(monkeypatch)
    request = str(uuid.uuid4())
    quote = ask("restore", dry_run=True, tier="standard", days=2)
    result = ask("restore", request, tier="standard", days=2)
    assert result["status"] == "accepted" and result["usd"] == quote["usd"]
    assert ask("restore", request, tier="standard", days=2) == result, "the same request has the same response"
    assert asked == [
        {
            "Bucket": INGEST,
            "Key": KEY,
            "VersionId": version,
            "RestoreRequest": {"GlacierJobParameters": {"Tier": "Standard"}, "Days": 2},
        }
    ]
    item = account.asset(ASSET)
    assert {line["item"] for line in item["ledger"]} >= {"retrieval_deep_archive_standard"}
    assert spending.of_month(TABLE, MONTH) == pytest.approx(item["usd"]) and item["usd"] > 0
    assert restored(version) == {"asset": ASSET, "state": "archived"}, "an event that comes too early"
    head = aws.client("s3").head_object
    readable = {"Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00 GMT"'}
    monkeypatch.setattr(aws.client("s3"), "head_object", lambda **request: head(**request) | readable)
    restored(version)
    restored(version)
    (alert,) = account.alerts  # type: ignore[attr-defined]
    assert alert["kind"] == "restored" and "21 Dec 2026" in alert["text"]
    assert alert["links"][0]["url"] == f"https://d111.cloudfront.net/app/index.html#/a/{ASSET}"


def test_a_restore_over_budget_is_refused_before_s3_is_asked(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    store(account, "GLACIER", size=2**40)
    asked = restores(monkeypatch)
    monkeypatch.setenv("IMPP_MONTHLY_BUDGET_USD", "5")
    result = ask("restore", tier="standard")
    assert result["status"] == "refused" and "over_budget" in result["message"] and not asked


def test_expedited_capacity_that_s3_lacks_is_given_back(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    store(account, "GLACIER")

    def lacks(**_request: Any) -> None:
        raise ClientError({"Error": {"Code": "GlacierExpeditedRetrievalNotAvailable"}}, "RestoreObject")

    monkeypatch.setattr(aws.client("s3"), "restore_object", lacks)
    assert "no capacity" in ask("restore", tier="expedited")["message"]
    assert spending.of_month(TABLE, MONTH) == pytest.approx(0) and not account.asset(ASSET)["ledger"]


def test_a_replay_starts_one_run_with_the_same_object(account: Account) -> None:
    version = store(account, state="deferred")
    request = str(uuid.uuid4())
    result = ask("replay", request)
    assert result["status"] == "accepted" and result["usd"] == 0.01
    ask("replay", request)
    (run,) = executions()
    detail = json.loads(run["input"])["detail"]
    assert detail == {"bucket": {"name": INGEST}, "object": {"key": KEY, "version-id": version}}
    claim = dynamo.get_item(TABLE, keys.catalog_claim(INGEST, KEY, version))
    assert claim and claim["released"], "the state machine's Claim admits it"


def test_a_replay_leaves_the_claim_of_a_newer_run(account: Account) -> None:
    version = store(account, state="failed")
    newer = {"execution": EXECUTION + "2"}
    dynamo.put_item(TABLE, keys.catalog_claim(INGEST, KEY, version), newer)
    ask("replay")
    claim = dynamo.get_item(TABLE, keys.catalog_claim(INGEST, KEY, version))
    assert claim and "released" not in claim, "the new run ends as a duplicate"


def test_an_archived_original_is_restored_then_replayed(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    version = store(account, "GLACIER", state="failed")
    assert ask("replay", tier="standard")["status"] == "accepted" and not executions()
    boto3.client("s3").restore_object(Bucket=INGEST, Key=KEY, RestoreRequest={"Days": 1})
    restored(version)
    restored(version)
    assert len(executions()) == 1 and not account.alerts  # type: ignore[attr-defined]


def test_replays_are_limited_per_minute(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    store(account, state="failed")
    monkeypatch.setattr(replay.replay, "PER_MINUTE", 1)
    results = [ask("replay"), ask("replay")]
    if datetime.now(UTC).second == 0:  # the minute changed between the two
        results.append(ask("replay"))
    last = results[-1]
    assert last["status"] == "refused" and 0 < last["retry_in_s"] <= 60, results


def test_a_rendition_is_requested_by_the_machines_event(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {name: value for name, value in FACTS.to_dict().items() if name not in ("bytes", "crc64nvme")}
    store(account, **facts)
    sent: list[Any] = []

    def put_events(Entries: list[Any]) -> Answer:
        sent.extend(Entries)
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(aws.client("events"), "put_events", put_events)
    quote = ask("render", dry_run=True, renditions=["web"])
    assert quote["status"] == "would" and quote["usd"] > 0.01 and not sent, quote
    assert ask("render", renditions=["web"])["status"] == "accepted"
    assert json.loads(sent[0]["Detail"]) == {"asset": ASSET, "renditions": ["web"]}
    assert sent[0]["Source"] == "impp-test" and sent[0]["DetailType"] == "Render requested"
    assert "cinema: not a rendition" in ask("render", renditions=["cinema"])["message"]


def test_s3_keeps_what_is_on_hold_until_it_is_released(account: Account) -> None:
    version = store(account)
    assert ask("hold", reason="accident")["status"] == "done"
    assert account.asset(ASSET)["hold"]["reason"] == "accident"
    assert account.entry(ASSET)["held_since"] == account.asset(ASSET)["hold"]["since"]
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("s3").delete_object(Bucket=INGEST, Key=KEY, VersionId=version)
    assert "on hold since" in ask("erase")["message"]
    assert ask("hold")["status"] == "nothing"
    assert ask("release")["status"] == "done" and "hold" not in account.asset(ASSET)
    assert "held_since" not in account.entry(ASSET)
    assert ask("erase")["status"] == "done"


def test_a_hold_that_the_catalog_does_not_know_protects_everything(account: Account) -> None:
    version = store(account)
    s3.put_json(DELIVERY, keys.delivery(ASSET, "manifest.json"), {})
    hold: Any = {"Status": "ON"}
    boto3.client("s3").put_object_legal_hold(Bucket=INGEST, Key=KEY, VersionId=version, LegalHold=hold)
    result = ask("erase")
    assert result["status"] == "refused" and "legal hold" in result["message"]
    assert s3.head(DELIVERY, keys.delivery(ASSET, "manifest.json")) and account.asset(ASSET)


def test_an_erased_asset_leaves_a_receipt_and_nothing_else(account: Account) -> None:
    first = store(account)
    other = boto3.client("s3").put_object(Bucket=INGEST, Key=KEY, Body=b"another recording")["VersionId"]
    second = store(account, renditions=[{"name": "web", "key": "assets/x/video-web.mp4", "width": 1280, "height": 720}])
    index.refresh(Settings.from_env(), ASSET)
    assert ASSET in json.dumps(s3.get_json(DELIVERY, keys.index_shard("2026-11")))
    boto3.client("s3").delete_object(Bucket=INGEST, Key=KEY)
    for bucket, key in [
        (DELIVERY, keys.delivery(ASSET, "manifest.json")),
        (DELIVERY, keys.delivery(ASSET, "video-web.mp4")),
        (WORK, keys.work(ASSET, "frames.json")),
        (WORK, keys.work("f" * 20, "frames.json")),
    ]:
        s3.put_json(bucket, key, {})
    quote = ask("erase", dry_run=True)
    assert quote["status"] == "would" and "2 versions of the original" in quote["message"]
    assert catalog.asset(TABLE, ASSET)
    result = ask("erase", reason="a guest asked")
    receipt = result["receipt"]
    assert {one["version"] for one in receipt["originals"]} == {first, second}
    assert receipt["files"] == {"delivered": 2, "work": 1} and receipt["reason"] == "a guest asked"
    assert [one["version"] for one in receipt["kept"]["other_content"]] == [other]
    left = boto3.client("s3").list_object_versions(Bucket=INGEST)
    assert [one["VersionId"] for one in left["Versions"]] == [other] and len(left["DeleteMarkers"]) == 1
    delivered = [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=DELIVERY)["Contents"]]
    assert delivered and all(key.startswith("index/") for key in delivered)
    assert ASSET not in json.dumps([s3.get_json(DELIVERY, key) for key in delivered])
    assert [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=WORK)["Contents"]] == [
        keys.work("f" * 20, "frames.json")
    ]
    assert {item["pk"].split("#")[0] for item in account.items("")} <= {"ERASED", "REQUEST", "RECEIPT", "CLAIM"}
    assert not [item for item in account.items("CLAIM#") if second in item["pk"]]
    assert "blackvue" not in json.dumps(account.items("ERASED#") + account.items("REQUEST#")), "no name stays"
    again = ask("erase")
    assert again["status"] == "nothing" and receipt["erased_at"] in again["message"]


def test_a_receipt_that_was_lost_is_returned_again_for_a_week(account: Account) -> None:
    store(account)
    request = str(uuid.uuid4())
    receipt = ask("erase", request, reason="a guest asked")["receipt"]
    assert ask("erase", request, reason="a guest asked")["receipt"] == receipt, "the same request"
    assert ask("erase")["receipt"] == receipt and ask("erase", dry_run=True)["receipt"] == receipt
    (item,) = account.items("RECEIPT#")
    assert 6.9 * 86400 < item["expires_at"] - datetime.now(UTC).timestamp() <= 7 * 86400
    dynamo.update_item(TABLE, item["pk"], {"expires_at": int(datetime.now(UTC).timestamp()) - 1})
    assert "receipt" not in ask("erase"), "DynamoDB deletes expired items within days"


def test_the_receipt_of_an_erasure_that_died_lists_what_was_removed_before(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = store(account)
    s3.put_json(DELIVERY, keys.delivery(ASSET, "manifest.json"), {})
    with monkeypatch.context() as death:
        death.setattr(dynamo, "delete_item", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ask("erase")
    assert not boto3.client("s3").list_object_versions(Bucket=INGEST).get("Versions")
    result = ask("erase")
    assert result["status"] == "done" and "erased 1 version of the original" in result["message"]
    assert [one["version"] for one in result["receipt"]["originals"]] == [version]
    assert result["receipt"]["files"] == {"delivered": 1, "work": 0}
    later = store(account, execution="another")
    assert [one["version"] for one in ask("erase")["receipt"]["originals"]] == [later], "uploaded again, erased again"


def test_a_receipt_that_no_item_has_room_for_is_returned_once(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(account)
    monkeypatch.setattr(receipts, "LARGEST", 10)
    assert ask("erase")["receipt"] and "receipt" not in ask("erase")


def test_an_id_stands_for_one_request(account: Account) -> None:
    store(account)
    request = str(uuid.uuid4())
    ask("hold", request)
    event = {"action": "release", "assets": [ASSET], "request": request}
    assert "was used for another request" in actions.handler(event, FakeContext())["error"]
    assert account.asset(ASSET)["hold"]
