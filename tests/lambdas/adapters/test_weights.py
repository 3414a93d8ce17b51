"""Weights come from the code bucket, checked by SHA-256, once per container."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.aws_fakes import mocked_account

from impp_engines import weights as engines
from impp_lambdas.adapters import weights

CODE = "impp-test-code"
CONTENT = b"weights" * 1000
KEY = f"weights/{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new container of a function with one file of weights; yields its /tmp."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(engines.VARIABLE, "")
    monkeypatch.setenv("IMPP_WEIGHTS_BUCKET", CODE)
    monkeypatch.setenv("IMPP_WEIGHTS_KEYS", json.dumps({"small/model.bin": KEY}))
    with mocked_account(monkeypatch):
        boto3.client("s3").create_bucket(Bucket=CODE)
        yield tmp_path


def test_weights_are_fetched_once_per_container_and_passed_on_to_children(container: Path) -> None:
    boto3.client("s3").put_object(Bucket=CODE, Key=KEY, Body=CONTENT)
    assert weights.fetch() == 1
    assert engines.path("small/model.bin").read_bytes() == CONTENT
    assert os.environ[engines.VARIABLE] == str(container / "impp-weights")
    boto3.client("s3").delete_object(Bucket=CODE, Key=KEY)
    assert weights.fetch() == 0


def test_other_content_than_was_deployed_is_not_used(container: Path) -> None:
    boto3.client("s3").put_object(Bucket=CODE, Key=KEY, Body=b"someone else's")
    with pytest.raises(weights.WeightsDamaged, match=f"s3://{CODE}/{KEY} has SHA-256"):
        weights.fetch()
    assert [path for path in (container / "impp-weights").rglob("*") if path.is_file()] == []


def test_an_interrupted_fetch_starts_again(container: Path) -> None:
    with pytest.raises(ClientError):
        weights.fetch()
    boto3.client("s3").put_object(Bucket=CODE, Key=KEY, Body=CONTENT)
    assert weights.fetch() == 1


def test_a_function_without_weights_says_which_variables_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPP_WEIGHTS_KEYS")
    with pytest.raises(LookupError, match="IMPP_WEIGHTS_KEYS"):
        weights.fetch()
