"""Fixtures of the infrastructure's tests.

Terraform never runs in the repository: tftest's clean-up and Terraform itself leave and delete files in the folder
they work in.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.terraform_runs import FakeAws, provider_server, terraform

from impp_local.deploy.offline_plan import answering
from impp_local.deploy.terraform import REPOSITORY, cli_config


@pytest.fixture(scope="session")
def fake_aws() -> Iterator[str]:
    """The endpoint of an AWS without resources."""
    with answering(FakeAws) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def registry_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Terraform finds its providers on this host and starts them itself."""
    env = cli_config(tmp_path_factory.mktemp("terraform-config"))
    return {**env, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


@pytest.fixture(scope="session")
def terraform_env(registry_env: dict[str, str], working_copy: Path) -> Iterator[dict[str, str]]:
    """The environment in which every Terraform of this session uses one running AWS provider."""
    root = working_copy / "terraform"
    terraform(root, registry_env).execute_command("init", "-backend=false", "-input=false", "-no-color")
    with provider_server(root) as reattach:
        yield {**registry_env, "TF_REATTACH_PROVIDERS": reattach}


@pytest.fixture(scope="session")
def working_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `modules/` and `terraform/`, as they are in the repository, without what Terraform left there."""
    copy = tmp_path_factory.mktemp("infra")
    ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "*_override.tf")
    for folder in ("modules", "terraform"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=ignore)
    return copy
