"""Terraform under tftest, and an AWS for plans that only identifies the caller."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import tftest

from impp_local.deploy.terraform import GARBAGE_COLLECTION, ensure_terraform

ACCOUNT = "123456789012"

CALLER = f"""\
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>\
<Arn>arn:aws:iam::{ACCOUNT}:user/test</Arn><UserId>TEST</UserId><Account>{ACCOUNT}</Account>\
</GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></GetCallerIdentityResponse>
"""


class FakeAws(http.server.BaseHTTPRequestHandler):
    """Answers GetCallerIdentity, and ValidateStateMachineDefinition: the provider checks at plan what is known then."""

    actions: ClassVar[list[str]] = []
    definitions: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "")
        action = target.rpartition(".")[2] or body.partition("Action=")[2].partition("&")[0]
        self.actions.append(action)
        if action == "GetCallerIdentity":
            self._answer(200, "text/xml", CALLER)
        elif action == "ValidateStateMachineDefinition":
            self.definitions.append(json.loads(body)["definition"])
            answer = {"result": "OK", "diagnostics": [], "truncated": False}
            self._answer(200, "application/x-amz-json-1.0", json.dumps(answer))
        else:
            self._answer(400, "text/plain", f"a plan from an empty state should not need {action}")

    def _answer(self, status: int, content_type: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


def terraform(folder: Path, env: dict[str, str]) -> tftest.TerraformTest:
    """tftest's harness over a folder of a working copy."""
    return tftest.TerraformTest(str(folder), binary=str(ensure_terraform()), env=env)


@contextmanager
def provider_server(folder: Path) -> Iterator[str]:
    """Run the AWS provider that `terraform init` installed into a folder; yields the value of TF_REATTACH_PROVIDERS.

    Terraform starts a provider process several times per command and once more per `run` block, a second of CPU time
    each. Providers can be started by hand instead, for debuggers, and serve any number of commands, one after the other
    (https://developer.hashicorp.com/terraform/plugin/debugging). Each command configures the provider anew.
    """
    (binary,) = folder.glob(".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")
    # The provider keeps its HTTP client from one configuration to the next and adds a CA bundle to a new one only.
    env = GARBAGE_COLLECTION | {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    env["TF_LOG_SDK"] = "off"  # by default a provider in debug mode traces every call
    command = [str(binary), "-debug"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            printed = (re.search("TF_REATTACH_PROVIDERS='(.*)'", line) for line in process.stdout)
            reattach = next((match[1] for match in printed if match), None)
            assert reattach, f"{binary} -debug printed no TF_REATTACH_PROVIDERS"
            yield reattach
        finally:
            process.kill()
