"""Every example can be planned, and together they use every module that works alone."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.functions_table import HASH, manifest_part
from tests.support.terraform_runs import terraform

from impp_local.deploy.offline_plan import ACCOUNT, KEY
from impp_local.deploy.terraform import REPOSITORY

EXAMPLES: Final = REPOSITORY / "examples"
TOPIC: Final = f"arn:aws:sns:us-east-1:{ACCOUNT}:there"
MACHINE: Final = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:there"
TABLE: Final = {"arn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/there", "name": "there"}

# Variables that a user sets, and a resource that the plan must contain.
GIVEN: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "chat-alerts": (
        {"code_bucket_name": "my-code", "emails": ["ops@example.org"]},
        "module.alerts.aws_sns_topic_subscription.notifier",
    ),
    "cost-guard": (
        {"catalog_table": TABLE, "code_bucket_name": "my-code", "topic_arn": TOPIC},
        "module.finops.aws_budgets_budget.monthly",
    ),
    "custom-detector": (
        {"artifact_path": __file__, "kms_key_arn": KEY},
        "module.scene.aws_sagemaker_endpoint.this",
    ),
    "edge-identity": (
        {
            "authority_pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "bucket_name": "my-footage",
        },
        'module.edge_identity.aws_iam_role.box["garage"]',
    ),
    "object-created": (
        {"bucket_name": "my-footage", "state_machine_arn": MACHINE},
        "module.ingest.aws_cloudwatch_event_rule.created",
    ),
    "one-function": (
        {"table_arn": TABLE["arn"], "zip": {"bucket": "my-code", "key": "function.zip", "sha256_base64": HASH}},
        "module.function.aws_lambda_function.this",
    ),
    "private-delivery": (
        {"bucket_name": "my-media", "code_bucket_name": "my-code"},
        "module.delivery.aws_cloudfront_distribution.this",
    ),
    "sensitive-data": (
        {"bucket_names": ["my-papers"], "topic_arn": TOPIC},
        "module.compliance.aws_macie2_classification_job.daily[0]",
    ),
    "tagged-archive": (
        {"bucket_name": "my-footage"},
        "module.archive.aws_s3_bucket_lifecycle_configuration.originals",
    ),
    "transcode-queue": ({"bucket_prefix": "my"}, "module.transcode.aws_media_convert_queue.this"),
    "watched-state-machine": (
        {"function_names": ["there"], "state_machine_arn": MACHINE, "table_name": "there", "topic_arn": TOPIC},
        "module.observability.aws_cloudwatch_composite_alarm.health[0]",
    ),
}

FUNCTIONS: Final = ("cost_report", "notifier", "viewer_keys")
"""Functions that examples use."""

PROVIDER: Final = re.compile(r'^provider "aws" {\n  region = "us-east-1"\n}\n', re.MULTILINE)


def test_every_module_that_works_alone_has_an_example() -> None:
    texts = [path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*/main.tf")]
    used = {name for text in texts for name in re.findall(r'source\s*= "\.\./\.\./modules/(\w+)"', text)}
    modules = {path.name for path in (REPOSITORY / "modules").iterdir() if path.is_dir()}
    assert modules - used == {"actions", "analysis", "api", "pipeline", "render"}


def test_every_example_is_listed_and_tested() -> None:
    folders = {path.parent.name for path in EXAMPLES.glob("*/main.tf")}
    listed = set(
        re.findall(r"^\| \[([\w-]+)\]\(\1/main\.tf\)", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    assert folders == listed == set(GIVEN)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest as `make build` writes it, of the functions that examples use; a plan needs no zip."""
    file = {"sha256_base64": HASH, "size": 1, "key": "0"}
    manifest = {
        "version": 1,
        "target": {"architecture": "arm64", "runtime": "python3.13"},
        "functions": {name: manifest_part(name, layers=("python",)) for name in FUNCTIONS},
        "layers": {"python": {**file, "path": "artifacts/python.zip", "runtimes": ["python3.13"]}},
        "weights": {},
        "gallery": {},
        "detectors": {},
        "state_machine": {"path": "state_machine.asl.json", "sha256": "0", "features": {}},
    }
    path = tmp_path_factory.mktemp("examples-build") / "manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plan(
    built: Path, tmp_path_factory: pytest.TempPathFactory, terraform_env: dict[str, str], fake_aws: str
) -> dict[str, Any]:
    """One plan of all examples, each a module of one root: a plan's time goes into starting, not into resources."""
    root = tmp_path_factory.mktemp("examples")
    for folder in ("modules", "examples"):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns(".terraform*"))
    modules = {}
    for example, (given, _) in GIVEN.items():
        copy = root / "examples" / example
        text, providers = PROVIDER.subn("", (copy / "versions.tf").read_text(encoding="utf-8"))
        assert providers == 1, f"{example} must configure the provider, for whoever copies it"
        (copy / "versions.tf").write_text(text, encoding="utf-8")
        needs_build = "manifest_path" in (copy / "main.tf").read_text(encoding="utf-8")
        manifest = {"manifest_path": str(built)} if needs_build else {}
        modules[example] = {"source": f"./examples/{example}", **given, **manifest}
    provider = {
        "access_key": "test",
        "secret_key": "test",
        "region": "us-east-1",
        "max_retries": 5,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "endpoints": {"sts": fake_aws},
    }
    outputs = {example: {"value": f"${{module.{example}}}"} for example in GIVEN}
    main = {"provider": {"aws": provider}, "module": modules, "output": outputs}
    (root / "main.tf.json").write_text(json.dumps(main), encoding="utf-8")

    run = terraform(root, terraform_env)
    run.setup(cleanup_on_exit=False)
    return dict(run.plan(output=True))


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(GIVEN))
def test_example_can_be_planned(example: str, plan: dict[str, Any]) -> None:
    changes = {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]}
    assert changes[f"module.{example}.{GIVEN[example][1]}"] == ["create"]
    output = plan["output_changes"][example]
    assert output["after"] or output["after_unknown"], "an example must show what it created"
