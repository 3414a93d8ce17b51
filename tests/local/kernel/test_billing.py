"""The meter adds up charges of many threads, attributes each to its asset, and separates monthly costs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from tests.support.local_cloud import Maker

from impp_lambdas.core.money.pricing import PriceBook
from impp_local.kernel import billing
from impp_local.kernel.billing import Meter, asset_in

ASSET = "0123456789abcdef0123"


@pytest.mark.parametrize(
    ("text", "asset"),
    [
        (f"work/{ASSET}/frames.json", ASSET),
        (f"/bucket/assets/{ASSET}/manifest.json", ASSET),
        (f"impp-{ASSET}-1a2b3c4d", ASSET),
        (f'{{"pk": {{"S": "ASSET#{ASSET}"}}}}', ASSET),
        (f"work/{ASSET}0/x", None),
        ("originals/dashcam/front/2026/11/22/a.mp4", None),
    ],
)
def test_asset_in(text: str, asset: str | None) -> None:
    assert asset_in(text) == asset


def test_charges_from_many_threads_add_up() -> None:
    meter = Meter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: meter.add("s3", "put", 1, f"a{n % 4}"), range(4000)))
    bill = meter.bill()
    assert [line["quantity"] for line in bill["lines"]] == [1000] * 4
    assert bill["usd"] == pytest.approx(4000 * 0.005 / 1000)
    assert bill["usd"] == pytest.approx(sum(line["usd"] for line in bill["lines"]))
    assert bill["assets"] == {f"a{n}": pytest.approx(bill["usd"] / 4) for n in range(4)}


def test_charges_of_an_execution_are_charged_to_its_asset() -> None:
    meter = Meter()
    execution = "arn:aws:states:us-east-1:123456789012:execution:m:e"
    meter.add("states", "standard_transition", 3, execution)
    assert "asset" not in meter.bill()["lines"][0]
    meter.tie(execution, ASSET)
    meter.add("states", "standard_transition", 2, execution)
    meter.add("states", "standard_transition", 1, ASSET)
    (line,) = meter.bill()["lines"]
    assert (line["asset"], line["quantity"]) == (ASSET, 6)


def test_reads_of_an_original_are_charged_to_its_asset(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    monkeypatch.setattr(billing, "METER", meter)
    key = "originals/phone/p/2026/11/22/a b+ü.mp4"
    billing.meter("s3", "get", 2, detail=f"/ingest/{key}")
    billing.meter("s3", "get", 1, detail="/ingest/originals/other.mp4")
    assert all("asset" not in line for line in meter.bill()["lines"])
    meter.tie(billing.owner_of(key), ASSET)
    assert {line.get("asset"): line["quantity"] for line in meter.bill()["lines"]} == {ASSET: 2, None: 1}


def test_monthly_costs_are_not_part_of_the_usage() -> None:
    meter = Meter()
    meter.watch(lambda: [("s3", "standard", 2.0), ("kms", "key", 1)])
    meter.watch(lambda: [("s3", "standard", 3.0), ("cloudwatch", "alarm", 0)])
    bill = meter.bill()
    assert (bill["lines"], bill["usd"]) == ([], 0)
    assert {line["item"]: line["quantity"] for line in bill["per_month"]["lines"]} == {"standard": 5.0, "key": 1}
    assert bill["per_month"]["usd"] == pytest.approx(5 * 0.023 + 1)


def test_a_source_that_is_watched_twice_counts_once() -> None:
    meter = Meter()
    for _ in range(2):
        meter.watch(one_key)
    (line,) = meter.bill()["per_month"]["lines"]
    assert line["quantity"] == 1


def one_key() -> list[tuple[str, str, float]]:
    return [("kms", "key", 1)]


def test_unknown_items_and_negative_quantities_are_refused() -> None:
    with pytest.raises(KeyError, match="no_such_item"):
        Meter().add("s3", "no_such_item", 1)
    with pytest.raises(ValueError, match="-1"):
        Meter().add("s3", "put", -1)


def test_the_bill_of_a_run_names_its_asset_and_every_service(make: Maker) -> None:
    asset = make.name("x")[-10:].ljust(20, "a").encode().hex()[:20]
    arn = make.function("def handler(event, context): return event", MemorySize=512, Architectures=["arm64"])
    work = make.name("work")
    make.client("s3").create_bucket(Bucket=work)
    make.client("s3").put_object(Bucket=work, Key=f"work/{asset}/x", Body=b"x" * 1000)
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "End"}
    call["Arguments"] = {"FunctionName": arn, "Payload": {}}  # type: ignore[assignment]
    know = {"Type": "Pass", "Assign": {"media": {"asset": "{% $states.input.asset %}"}}, "Next": "Call"}
    definition = {"StartAt": "Know", "States": {"Know": know, "Call": call, "End": {"Type": "Succeed"}}}
    make.run(definition, {"asset": asset})
    bill = requests.get(f"{make.cloud.endpoint}/_impp/bill", timeout=60).json()
    mine = {(line["service"], line["item"]): line for line in bill["lines"] if line.get("asset") == asset}
    assert mine["states", "standard_transition"]["quantity"] == 3
    assert mine["lambda", "request"]["quantity"] == 1
    assert mine["s3", "put"]["quantity"] == 1
    group = f"/aws/lambda/{arn.rsplit(':', 1)[-1]}"
    report = make.client("logs").filter_log_events(logGroupName=group, filterPattern="REPORT")["events"][-1]["message"]
    billed_ms = int(report.split("Billed Duration: ", 1)[1].split(" ", 1)[0])
    gb_seconds = mine["lambda", "arm64_gb_second"]
    assert gb_seconds["quantity"] == pytest.approx(billed_ms / 1000 * 0.5)
    assert gb_seconds["usd"] == pytest.approx(
        gb_seconds["quantity"] * PriceBook.load().price("lambda", "arm64_gb_second").usd
    )
    assert bill["usd"] == pytest.approx(sum(line["usd"] for line in bill["lines"]))
    assert bill["assets"][asset] == pytest.approx(sum(line["usd"] for line in mine.values()))
    stored = {line["item"]: line["quantity"] for line in bill["per_month"]["lines"]}
    assert stored["standard"] >= 1000 / 2**30
    assert billing.bill()["as_of"] == bill["as_of"] and json.dumps(bill)
