"""The table of storage classes agrees with S3, the price book, the lifecycle rules and the manifest's JSON Schema."""

from __future__ import annotations

import json
import re

import boto3
from tests.support.paths import REPOSITORY

from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.storage import CLASSES
from impp_local.kernel.monthly import STORAGE

NAME_BY_TAG = {storage_class.tag: storage_class.name for storage_class in CLASSES}


def test_every_class_is_one_of_s3() -> None:
    model = boto3.client("s3", region_name="us-east-1").meta.service_model
    assert set(NAME_BY_TAG.values()) <= set(model.shape_for("StorageClass").enum)


def test_every_price_exists() -> None:
    for storage_class in CLASSES:
        for item in (*storage_class.items, storage_class.transition, storage_class.retrieval):
            if item:
                PriceBook.load().price("s3", item)


def test_the_lifecycle_rules_move_each_tag_to_its_class() -> None:
    source = (REPOSITORY / "modules/archive/main.tf").read_text(encoding="utf-8")
    rules = dict(re.findall(r'([a-z-]+) += \{ days = .*storage_class = "([A-Z_]+)" \}', source))
    assert {"standard": "STANDARD", **rules} == NAME_BY_TAG


def test_the_manifest_schema_lists_the_same_classes() -> None:
    schema = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))
    properties = schema["properties"]["archive"]["properties"]
    assert set(properties["storage_class"]["enum"]) == set(NAME_BY_TAG.values())
    assert set(properties["tag"]["enum"]) == set(NAME_BY_TAG)


def test_the_local_bill_prices_every_class() -> None:
    assert STORAGE == {
        "STANDARD": "standard",
        "STANDARD_IA": "standard_ia",
        "INTELLIGENT_TIERING": "intelligent_tiering_frequent",
        "GLACIER_IR": "glacier_ir",
        "GLACIER": "glacier_fr",
        "DEEP_ARCHIVE": "deep_archive",
    }
