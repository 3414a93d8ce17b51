"""Storage classes: the cheapest is chosen, and the table agrees with S3, prices, lifecycle rules and JSON Schema."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dashcam_facts import FACTS
from tests.support.paths import REPOSITORY

from impp_lambdas.core.intake.object_head import ARCHIVES
from impp_lambdas.core.money import storage
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.retrieval import RETRIEVALS
from impp_lambdas.core.money.storage import CLASSES
from impp_local.kernel.standing_charges import STORAGE

NAME_BY_TAG = {storage_class.tag: storage_class.name for storage_class in CLASSES}


def test_every_class_is_one_of_s3() -> None:
    model = boto3.client("s3", region_name="us-east-1").meta.service_model
    assert set(NAME_BY_TAG.values()) <= set(model.shape_for("StorageClass").enum)


def test_a_class_that_is_not_instant_is_known_as_an_archive_that_can_be_restored() -> None:
    archives = {storage_class.name for storage_class in CLASSES if not storage_class.instant}
    assert archives <= ARCHIVES
    assert {archive for archive, _ in RETRIEVALS} == ARCHIVES


def test_a_tag_is_the_name_of_its_class() -> None:
    """So that Terraform derives one from the other."""
    derived = {tag: name for tag, name in NAME_BY_TAG.items() if tag.replace("-", "_").upper() == name}
    assert set(NAME_BY_TAG) - set(derived) == {"glacier-fr", "intelligent"}


def test_every_price_exists() -> None:
    for storage_class in CLASSES:
        for item in (*storage_class.items, storage_class.transition, storage_class.retrieval):
            if item:
                PriceBook.load().price("s3", item)


def test_each_class_but_the_first_has_a_lifecycle_rule_and_its_name_in_s3() -> None:
    module = REPOSITORY / "modules/archive"
    variables, main = ((module / file).read_text("utf-8") for file in ("variables.tf", "main.tf"))
    (attributes,) = re.findall(r'^variable "transition_after_days" .*?object\(\{\n(.*?)\}\)', variables, re.M | re.S)
    (names,) = re.findall(r"^  class_names = \{\n(.*?)\}", main, re.M | re.S)
    named = dict(re.findall(r'(\w+) += "(\w+)"', names))
    rules = {
        name.replace("_", "-"): named.get(name, name.upper()) for name in re.findall(r"(\w+) += optional", attributes)
    }
    assert {"standard": "STANDARD", **rules} == NAME_BY_TAG


def test_the_manifest_schema_lists_the_same_classes() -> None:
    schema = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))
    properties = schema["properties"]["archive"]["properties"]
    assert set(properties["storage_class"]["enum"]) == set(NAME_BY_TAG.values())
    assert set(properties["tag"]["enum"]) == set(NAME_BY_TAG)
    assert set(properties["outlook_usd"]["propertyNames"]["enum"]) == set(NAME_BY_TAG)


def test_the_local_bill_prices_every_class() -> None:
    assert STORAGE == {
        "STANDARD": "standard",
        "STANDARD_IA": "standard_ia",
        "INTELLIGENT_TIERING": "intelligent_tiering_frequent",
        "GLACIER_IR": "glacier_ir",
        "GLACIER": "glacier_fr",
        "DEEP_ARCHIVE": "deep_archive",
    }


@pytest.mark.parametrize(
    ("source", "recording", "size", "tag"),
    [
        ("dashcam", "routine", 60_000_000, "deep-archive"),
        ("dashcam", "event", 60_000_000, "intelligent"),
        ("phone", "manual", 60_000_000, "glacier-ir"),
        ("creator", "manual", 4_000_000_000, "glacier-ir"),
        ("dashcam", "routine", 100_000, "standard"),
        ("creator", "manual", 0, "standard"),
    ],
)
def test_the_storage_class_follows_from_prices(source: str, recording: str, size: int, tag: str) -> None:
    choice = storage.choose(replace(FACTS, source=source, recording=recording, bytes=size))
    assert choice.tag == tag
    assert choice.why
    assert storage.Choice.from_dict(choice.to_dict()) == choice


@given(st.integers(storage.SMALL_BYTES, 10**12), st.sampled_from(sorted(storage.NEEDS)))
def test_no_class_is_cheaper_than_the_chosen_one(size: int, need: str) -> None:
    source, _, recording = need.partition("-")
    choice = storage.choose(replace(FACTS, source=source, recording=recording or "event", bytes=size))
    row = storage.NEEDS[need]
    costs = {c.tag: storage.cost(c, size, row) for c in CLASSES if c.instant or not row.instant}
    assert costs[choice.tag] == min(costs.values())


def test_minimum_duration_and_overhead_are_billed() -> None:
    deep = next(c for c in CLASSES if c.tag == "deep-archive")
    need = storage.Need(1, 0, 0, False, "")
    month = PriceBook.load().price("s3", "deep_archive").usd
    assert storage.cost(deep, 2**30, need) > 5.9 * month
    (transition, index, names) = storage.first_month(deep, 2**30)
    assert (transition.item, transition.quantity) == ("transition_deep_archive", 1)
    assert index.quantity == pytest.approx(1 + 32_768 / 2**30)
    assert names.item == "standard"
