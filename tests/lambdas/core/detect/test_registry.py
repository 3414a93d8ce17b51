"""The rows of the registry agree with AWS's API, the price book, the plans and the manifest's JSON Schema."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from tests.support.paths import REPOSITORY

from impp_lambdas.adapters.detectors import ENGINES
from impp_lambdas.core.detect.registry import DETECTORS, Detector, summary_fields
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.planning import profiles

SCHEMA = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))
ROWS = pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)


@ROWS
def test_operation_parameters_and_iam_action_are_those_of_the_api(detector: Detector) -> None:
    assert detector.engine == "rekognition", "another engine needs a check of its own here"
    client = boto3.client("rekognition", region_name="us-east-1")
    operation = client.meta.method_to_api_mapping[detector.operation]
    assert detector.iam_action == f"rekognition:{operation}"
    request = {"Image": {"S3Object": {"Bucket": "bucket", "Name": "key"}}, **detector.parameters}
    shape = client.meta.service_model.operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()


@ROWS
def test_engine_and_price_exist(detector: Detector) -> None:
    assert detector.engine in ENGINES
    assert PriceBook.load().price(*detector.price).usd > 0


@ROWS
def test_the_schema_has_the_fragment_of_each_row(detector: Detector) -> None:
    assert _without_descriptions(SCHEMA["properties"]["analysis"]["properties"][detector.name]) == detector.schema


def test_the_schema_has_one_field_per_row() -> None:
    analysis = SCHEMA["properties"]["analysis"]
    assert list(analysis["properties"]) == list(DETECTORS)
    assert {"labels", "moderation", "text", "faces"} <= set(analysis["required"]) <= set(DETECTORS)


def test_profiles_name_registered_detectors() -> None:
    assert set(profiles.DETECTORS) <= set(DETECTORS)


def test_a_detector_that_did_not_run_has_an_empty_summary() -> None:
    expected = {"labels": [], "moderation": [], "text": ["STOP"], "faces": 0}
    assert summary_fields({"text": ["STOP"]}).items() >= expected.items()


def _without_descriptions(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {k: _without_descriptions(v) for k, v in schema.items() if not (k == "description" and isinstance(v, str))}
