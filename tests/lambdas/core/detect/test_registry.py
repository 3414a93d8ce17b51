"""The rows of the registry agree with AWS's API, the price book, the plans and the manifest's JSON Schema."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.validate import ParamValidator
from tests.support.paths import REPOSITORY

from impp_engines import vision
from impp_lambdas.adapters.detectors import ENGINES
from impp_lambdas.core.detect.registry import DETECTORS, Detector, summary_fields
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.planning.plan import IMAGE_CALL_USD

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
    assert PriceBook.load().price(*detector.price).usd == IMAGE_CALL_USD, "plan and quote know no other price"


def test_the_schema_has_the_field_of_each_row() -> None:
    analysis = SCHEMA["properties"]["analysis"]
    assert analysis["properties"] == {name: detector.schema for name, detector in DETECTORS.items()}
    assert set(analysis["required"]) == {"labels", "moderation", "text", "faces"}, "older manifests have no others"


def test_tracks_name_the_detectors() -> None:
    track = json.loads((REPOSITORY / "schemas/tracks.v1.schema.json").read_text(encoding="utf-8"))
    assert track["properties"]["tracks"]["items"]["properties"]["detector"]["enum"] == list(DETECTORS)


def test_the_detectors_with_a_model_are_those_that_the_models_answer_for() -> None:
    assert {name for name, detector in DETECTORS.items() if detector.look_s is not None} == set(vision.LOWEST)


def test_a_detector_that_did_not_run_has_an_empty_summary() -> None:
    expected = {"labels": [], "moderation": [], "text": ["STOP"], "faces": 0}
    assert summary_fields({"text": ["STOP"]}).items() >= expected.items()
