"""Terraform under tftest, and an AWS for plans that only identifies the caller."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import tftest
from tests.support import provider_proxy
from tests.support.paths import REPOSITORY

from impp_local.deploy.offline_plan import Answers
from impp_local.deploy.terraform import GARBAGE_COLLECTION, ensure_terraform


class FakeAws(Answers):
    """Records what a plan asks AWS."""

    actions: ClassVar[list[str]] = []
    definitions: ClassVar[list[str]] = []

    def asked(self, action: str, body: str) -> None:
        self.actions.append(action)
        if action == "ValidateStateMachineDefinition":
            self.definitions.append(json.loads(body)["definition"])


def terraform(folder: Path, env: dict[str, str]) -> tftest.TerraformTest:
    """tftest's harness over a folder of a working copy."""
    return tftest.TerraformTest(str(folder), binary=str(ensure_terraform()), env=env)


@contextmanager
def provider_server(folder: Path) -> Iterator[str]:
    """Run the AWS provider that `terraform init` installed into a folder; yields the value of TF_REATTACH_PROVIDERS.

    Terraform starts a provider process several times per command and once more per `run` block, a second of CPU time
    each. Providers can be started by hand instead, for debuggers, and serve any number of commands, one after the other
    (https://developer.hashicorp.com/terraform/plugin/debugging). Each command configures the provider anew.
    `provider_proxy` stands between the two.
    """
    (binary,) = folder.glob(".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")
    # The provider keeps its HTTP client from one configuration to the next and adds a CA bundle to a new one only.
    env = GARBAGE_COLLECTION | {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    env["TF_LOG_SDK"] = "off"  # by default a provider in debug mode traces every call
    command = [sys.executable, "-m", provider_proxy.__name__, str(binary)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        printed = re.search("TF_REATTACH_PROVIDERS='(.*)'", process.stdout.readline())
        assert printed, f"{binary} -debug printed no TF_REATTACH_PROVIDERS"
        yield printed[1]
