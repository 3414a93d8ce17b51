"""The smoke run against the local cloud: the sample card and six difficult files through the edge script and the whole
pipeline. Every check of the run is a test here, and so is that it leaves nothing."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.system import System

from impp_lambdas.core import keys
from impp_local.demo.console import Console
from impp_local.demo.sample_card import make_sample_card
from impp_local.kernel.defaults import aws_settings
from impp_smoke.checks import CHECKS
from impp_smoke.doubts import DOUBTS
from impp_smoke.environment import Environment
from impp_smoke.run import Smoke

pytestmark = pytest.mark.slow

MOST_USD = 0.15
CARD_CLIP = "20261017_082044_NF.mp4"
"""A file of the sample card that somebody has uploaded before the run; it is truncated, so it ends at once."""

Kept = dict[str, set[Any]]


@dataclass
class Finished:
    """A run that has ended; what the environment kept before and after, and its bill meanwhile."""

    smoke: Smoke
    before: Kept
    after: Kept
    usd: float
    own_asset: str


def kept(system: System) -> Kept:
    """All object versions by bucket, assets in the index, catalog items (without the sums spent and what quotes have
    learned), queues and subscriptions."""
    everything: Kept = {}
    for name in ("ingest_bucket", "work_bucket", "delivery_bucket"):
        bucket = system.outputs[name]
        pages = system.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        everything[name] = {
            (entry["Key"], entry["VersionId"])
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for entry in page.get(kind, ())
            if not entry["Key"].startswith("index/")  # a shard stays when its last asset goes
        }
    everything["index"] = indexed(system)
    pages = system.client("dynamodb").get_paginator("scan").paginate(TableName=system.outputs["catalog_table"])
    catalog = {item["pk"]["S"] for page in pages for item in page["Items"]}
    everything["catalog"] = {pk for pk in catalog if not re.fullmatch(r"(SPEND|SERVICES)#[0-9-]+|CALIBRATION#.*", pk)}
    everything["queues"] = set(system.client("sqs").list_queues().get("QueueUrls", ()))
    subscriptions = system.client("sns").list_subscriptions()["Subscriptions"]
    everything["subscriptions"] = {entry["SubscriptionArn"] for entry in subscriptions}
    return everything


def indexed(system: System) -> set[str]:
    """Ids of the assets in the index, from the entries and the words of all months."""

    def read(key: str) -> Any:
        return json.load(system.client("s3").get_object(Bucket=system.outputs["delivery_bucket"], Key=key)["Body"])

    listed = read(keys.INDEX_SHARDS)["shards"]
    entries = {entry["asset"] for shard in listed for entry in read(shard["path"])["assets"]}
    return entries.union(*(read(shard["words"])["assets"] for shard in listed))


@pytest.fixture(scope="module")
def finished(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("smoke")
    clip = next(entry.path for entry in make_sample_card(folder / "card") if entry.path.name == CARD_CLIP)
    metadata = {"impp-sha256": hashlib.sha256(clip.read_bytes()).hexdigest()}
    own = system.upload(clip, f"originals/dashcam/mine/2026/10/17/{CARD_CLIP}", Metadata=metadata)
    system.wait_until_idle()
    before, usd = kept(system), system.page("bill")["usd"]
    smoke = Smoke(environment(system), Console(io.StringIO()), lambda _usd, _files: None, keep=False)
    smoke.go()
    system.wait_until_idle()
    yield Finished(smoke, before, kept(system), system.page("bill")["usd"] - usd, own)


def environment(system: System) -> Environment:
    """The deployed local cloud."""
    endpoint = system.cloud.endpoint
    return Environment("tests", system.outputs, system.client, aws_settings(endpoint), endpoint)


@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
def test_a_check_of_the_run_passes(finished: Finished, check: str) -> None:
    assert finished.smoke.result.checks[check] is None


def test_the_run_is_good_and_cost_what_it_said(finished: Finished) -> None:
    result = finished.smoke.result
    assert result.is_good
    assert result.usd < finished.usd <= result.usd_most <= MOST_USD


def test_every_doubt_that_a_run_settles_is_answered(finished: Finished) -> None:
    answered = [doubt.id for doubt, _ in finished.smoke.result.answers]
    assert answered == [doubt.id for doubt in DOUBTS if doubt.settled_by_smoke]


def test_each_file_has_one_alert_in_the_chat(system: System, finished: Finished) -> None:
    for asset in finished.smoke.run.assets:
        assert len(system.alerts(asset.file.asset)) == 1, asset.name
    assert any(path == "/discord" for path, _ in system.chat.posts)


def test_the_clean_up_removes_what_the_run_made_and_nothing_else(finished: Finished) -> None:
    assert finished.after == finished.before
    assert finished.smoke.result.cleaned is not None
    assert all(
        finished.smoke.result.cleaned.removed[kind] > 0
        for kind in ("originals", "work files", "delivered files", "catalog items", "index entries")
    )


def test_somebody_elses_upload_of_the_sample_card_stays(system: System, finished: Finished) -> None:
    assert keys.catalog_asset(finished.own_asset) in finished.after["catalog"]
    assert system.asset(finished.own_asset)["key"].startswith("originals/dashcam/mine/")
