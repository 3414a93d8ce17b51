"""Plan the real root for an environment without AWS: from an empty state, with fake credentials and no network.

Such a plan shows what an environment consists of, for whoever prices or checks it. The provider asks AWS for two things
at plan: who calls, and whether a state machine's definition is valid. A server in this process answers both.

    plan = plan_offline("prod", {"alert_emails": ["me@example.org"]})
    kinds = {change["type"] for change in plan["resource_changes"]}
"""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from impp_local.deploy.terraform import REPOSITORY, cli_config, ensure_terraform

ACCOUNT: Final = "123456789012"

ALERT_CHANNEL: Final = {"TF_VAR_alert_emails": '["alerts@example.org"]'}
"""Stands in for the alert channel that prod needs; tfvars and the environment have precedence."""

KEY: Final = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
KNOWN_KEY: Final = f'output "arn" {{\n  value = "{KEY}"\n}}\n'
"""Text of an override file of module `key`. The key's ARN is random in AWS; here it is known, and with it whatever
depends on it: policies, and what is encrypted with it."""

_CALLER: Final = f"""\
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>\
<Arn>arn:aws:iam::{ACCOUNT}:user/test</Arn><UserId>TEST</UserId><Account>{ACCOUNT}</Account>\
</GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></GetCallerIdentityResponse>
"""


class PlanningFailed(RuntimeError):
    """Terraform did not plan; the message is what it printed."""


class Answers(http.server.BaseHTTPRequestHandler):
    """An AWS without resources, in which a plan can only identify its caller and validate a definition."""

    def do_POST(self) -> None:
        """Answer a request of the query protocol or of JSON 1.0."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        action = action or body.partition("Action=")[2].partition("&")[0]
        self.asked(action, body)
        if action == "GetCallerIdentity":
            self._answer(200, "text/xml", _CALLER)
        elif action == "ValidateStateMachineDefinition":
            answer = {"result": "OK", "diagnostics": [], "truncated": False}
            self._answer(200, "application/x-amz-json-1.0", json.dumps(answer))
        else:
            self._answer(400, "text/plain", f"a plan from an empty state should not need {action}")

    def asked(self, action: str, body: str) -> None:
        """Called with each request."""

    def _answer(self, status: int, content_type: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def answering(handler: type[Answers] = Answers) -> Iterator[str]:
    """Serve the answers; yields their endpoint."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def override(endpoint: str) -> str:
    """Text of an override file that gives a root fake credentials, that endpoint and its state in a local file."""
    return f"""\
provider "aws" {{
  access_key                  = "test"
  secret_key                  = "test"
  max_retries                 = 5
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {{
    sfn = "{endpoint}"
    sts = "{endpoint}"
  }}
}}
terraform {{
  backend "local" {{}}
}}
"""


def plan_offline(environment: str, variables: Mapping[str, Any], manifest: Path | None = None) -> dict[str, Any]:
    """The plan of an environment (`terraform/envs/<environment>.tfvars`) as `terraform show -json` prints it.

    `variables` go beside the tfvars and override them; `manifest` is the one of `build.py all` unless given. Raises
    PlanningFailed with Terraform's message.
    """
    with tempfile.TemporaryDirectory(prefix="impp-plan-") as scratch, answering() as endpoint:
        root = _working_copy(Path(scratch), endpoint)
        given = {"manifest_path": str(manifest or REPOSITORY / "build" / "manifest.json"), **variables}
        (root / "given.tfvars.json").write_text(json.dumps(given), "utf-8")
        files = ("region.tfvars", f"envs/{environment}.tfvars", "given.tfvars.json")
        _terraform(root, "init", "-input=false", "-lockfile=readonly")
        _terraform(root, "plan", "-input=false", "-lock=false", "-out=plan", *(f"-var-file={file}" for file in files))
        plan: dict[str, Any] = json.loads(_terraform(root, "show", "-json", "plan"))
        return plan


def _working_copy(folder: Path, endpoint: str) -> Path:
    """Copy root and modules, with the override; returns the copy of the root."""
    ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "*_override.tf")
    for name in ("modules", "terraform"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignore)
    root = folder / "terraform"
    (root / "offline_override.tf").write_text(override(endpoint), "utf-8")
    (folder / "modules" / "key" / "offline_override.tf").write_text(KNOWN_KEY, "utf-8")
    return root


def _terraform(root: Path, *arguments: str) -> str:
    command = [str(ensure_terraform()), *arguments]
    if arguments[0] != "show":
        command.append("-no-color")
    env = {**ALERT_CHANNEL, **cli_config(root.parent)}
    run = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise PlanningFailed(run.stderr.strip() or run.stdout.strip())
    return run.stdout
