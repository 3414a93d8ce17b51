"""A detector of the user's own: the example, deployed beside the pipeline, looks at a clip."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support import custom_model
from tests.support.deployment import SCENES
from tests.support.paths import REPOSITORY
from tests.support.system import System

from impp_local.deploy.terraform import cli_config, ensure_terraform
from impp_local.kernel.defaults import aws_settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def example(system: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The outputs of the example, applied to the environment as the guide says."""
    folder = tmp_path_factory.mktemp("example")
    for name in ("examples", "modules"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns(".terraform*"))
    (folder / "model.tar.gz").write_bytes(custom_model.artifact())
    root = folder / "examples/custom-detector"
    (root / "local_override.tf").write_text('provider "aws" { s3_use_path_style = true }\n', encoding="utf-8")
    given = {
        "artifact_path": str(folder / "model.tar.gz"),
        "environment": "local",
        "kms_key_arn": system.outputs["kms_key_arn"],
    }
    (root / "terraform.tfvars.json").write_text(json.dumps(given), encoding="utf-8")
    environment = {**cli_config(REPOSITORY / "build"), **aws_settings(system.cloud.endpoint)}

    def terraform(*arguments: str) -> str:
        command = [str(ensure_terraform()), *arguments]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("init", "-input=false")
    terraform("apply", "-auto-approve", "-input=false", "-no-color")
    terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
    outputs = json.loads(terraform("output", "-json"))
    return {name: output["value"] for name, output in outputs.items()}


def test_its_labels_are_in_the_manifest_and_its_price_in_quote_ledger_and_bill(
    system: System, example: dict[str, Any], media: dict[str, Path]
) -> None:
    assert example["custom_detectors"]["scene"]["endpoint"] == "impp-local-scene"
    path = media["vfr"].with_name("scene.mp4")
    path.write_bytes(media["vfr"].read_bytes() + b"\0" * 40)
    asset = system.upload(path, f"{SCENES}2026/11/29/scene.mp4")
    system.wait_until_idle()
    body = system.deliver(f"assets/{asset}/manifest.json").json()
    assert body["profile"]["name"] == "scenes"
    labels = {label["name"]: label["engine"] for label in body["analysis"]["labels"]}
    assert labels and set(labels) <= {"scene:day", "scene:night"} and set(labels.values()) == {"sagemaker"}
    items = {line["item"]: line for line in body["cost"]["ledger"] if line["service"] == "sagemaker"}
    billed = {
        line["item"]: line["quantity"]
        for line in system.page("bill")["lines"]
        if line["service"] == "sagemaker" and line["asset"] == asset
    }
    assert set(items) == set(billed) == {"serverless_gb_second", "data"}
    assert items["data"]["quantity"] == pytest.approx(billed["data"])
    # The endpoint reports no seconds: those of the calls are an upper bound by the network's share.
    assert billed["serverless_gb_second"] <= items["serverless_gb_second"]["quantity"]
    assert not [line for line in body["cost"]["ledger"] if line["service"] == "rekognition"], "it replaces Rekognition"
    assert body["cost"]["usd"] <= body["cost"]["quote_usd"]
