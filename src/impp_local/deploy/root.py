"""The real root configuration, applied to the local cloud.

Terraform runs in a working copy (`<state>/deploy/terraform` beside `<state>/deploy/modules`), so that the root does
not depend on the local cloud: override files there point the provider at the endpoint and the state at a file
(`deploy/state.py`).

    outputs = deploy(cloud.endpoint, state, Path("build/manifest.local.json"))
    assert planned_changes(state) == ""
    destroy(state)
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from impp_local.deploy import adoption, state
from impp_local.deploy.terraform import REPOSITORY, cli_config, ensure_terraform
from impp_local.kernel import children
from impp_local.kernel.defaults import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

PARALLELISM: Final = 40
"""Terraform's default of 10 leaves the provider waiting for its own polls."""

SERVICES: Final = (
    "appautoscaling",
    "budgets",
    "ce",
    "cloudfront",
    "cloudwatch",
    "dynamodb",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "macie2",
    "mediaconvert",
    "rekognition",
    "resourcegroupstaggingapi",
    "s3",
    "s3control",
    "sagemaker",
    "scheduler",
    "secretsmanager",
    "sfn",
    "sns",
    "sqs",
    "ssm",
    "sts",
    "transcribe",
    "xray",
)
"""Services, in the provider's spelling, whose endpoint is the local cloud."""

ROOT_OVERRIDE: Final = f"""\
# Written for the local cloud; not part of the root.
provider "aws" {{
  access_key                  = "{ACCESS_KEY_ID}"
  secret_key                  = "{SECRET_ACCESS_KEY}"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false

  endpoints {{
%s
  }}
}}

terraform {{
  {state.BACKEND}
}}
"""

DELIVERY_OVERRIDE: Final = """\
# Written for the local cloud: a distribution is deployed at once there, and the provider's wait begins with 30 s.
resource "aws_cloudfront_distribution" "this" {
  wait_for_deployment = false
}
"""


APPLIED: Final = "applied.json"
"""In `<state>/deploy`: `{"fingerprint": …, "outputs": …}` of the last apply that succeeded."""
EVER_APPLIED: Final = "ever-applied"
"""There since the first apply that succeeded: without a state, Terraform has lost what it knew."""
STATE: Final = "terraform.tfstate"
"""In `<state>/deploy`: what Terraform knows. In its own folder it would be a local state, which `init` moves."""
ADOPTED: Final = "adopted.tf"
"""In the working copy: `import` blocks of one apply. The next working copy is without them."""
APPLYING: Final = "applying"
"""There while Terraform applies, and after it was killed: it may not know all that exists."""

ERROR_LINES: Final = 60
"""Lines of Terraform's errors that a message has."""

STOPS_WITHIN_S: Final = 30.0
"""How long Terraform may take to stop and save its state after SIGINT; it ends the provider's waits."""


class DeployError(RuntimeError):
    """Terraform failed; the message ends with its errors, `printed` is all that it printed."""

    def __init__(self, message: str, printed: str = "") -> None:
        super().__init__(message)
        self.printed = printed


def deploy(
    endpoint: str,
    state_dir: Path,
    manifest: Path,
    *,
    repository: Path = REPOSITORY,
    variables: Mapping[str, Any] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Apply the root to the local cloud at `endpoint` and return its outputs, `{name: value}`.

    `variables` are set over `envs/local.tfvars`. `on_line` is called with each line of Terraform's output. Raises
    DeployError.
    """
    root = prepare(endpoint, state_dir, manifest, repository=repository, variables=variables)
    fingerprint = _fingerprint(root, manifest, endpoint)
    _state(root).move(endpoint)
    (root.parent / APPLIED).unlink(missing_ok=True)
    _terraform(root, ["init", "-input=false", "-no-color", "-reconfigure"], on_line)
    _apply(root, on_line, endpoint, adopts=may_be_unknown(state_dir))
    values = outputs(state_dir)
    applied = {"fingerprint": fingerprint, "outputs": values}
    (root.parent / APPLIED).write_text(json.dumps(applied), encoding="utf-8")
    (root.parent / EVER_APPLIED).touch()
    return values


def deployed(
    endpoint: str,
    state_dir: Path,
    manifest: Path,
    *,
    repository: Path = REPOSITORY,
    variables: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """The outputs of the last apply, if the same root, variables and zips were applied, at any endpoint; else None."""
    try:
        applied = json.loads(state.at_endpoint(endpoint, (_root(state_dir).parent / APPLIED).read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return None
    root = prepare(endpoint, state_dir, manifest, repository=repository, variables=variables)
    if applied["fingerprint"] != _fingerprint(root, manifest, endpoint):
        return None
    _state(root).move(endpoint)
    return dict(applied["outputs"])


def forget_deployment(state_dir: Path) -> None:
    """Remove what Terraform knows of a cloud that no longer exists; its providers stay."""
    root = _root(state_dir)
    for name in (STATE, APPLIED, EVER_APPLIED, APPLYING):
        (root.parent / name).unlink(missing_ok=True)


def is_applied(state_dir: Path) -> bool:
    """Whether the last apply succeeded."""
    return (_root(state_dir).parent / APPLIED).exists()


def may_be_unknown(state_dir: Path) -> bool:
    """Whether Terraform may not know all that exists: an apply was killed, or its state has been lost."""
    root = _root(state_dir)
    is_lost = (root.parent / EVER_APPLIED).exists() and _state(root).read() is None
    return is_lost or (root.parent / APPLYING).exists()


def _fingerprint(root: Path, manifest: Path, endpoint: str) -> str:
    """A hash of all that an apply depends on: the working copy with its variables, and the manifest with its hashes.

    The cloud is the same at another endpoint.
    """
    copy = root.parent
    files = [path for path in copy.rglob("*") if path.is_file() and not _is_terraforms(path.relative_to(copy))]
    digest = hashlib.sha256(manifest.read_bytes() if manifest.exists() else b"")
    for path in sorted(files):
        content = path.read_bytes().replace(endpoint.encode(), b"")
        digest.update(f"{path.relative_to(copy)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _is_terraforms(path: Path) -> bool:
    """Whether Terraform, or this module beside the working copy, writes the file."""
    return len(path.parts) == 1 or any(_is_kept(part) for part in path.parts)


def _is_kept(name: str) -> bool:
    return name.startswith(".terraform") and name != ".terraform.lock.hcl"


def prepare(
    endpoint: str,
    state_dir: Path,
    manifest: Path,
    *,
    repository: Path = REPOSITORY,
    variables: Mapping[str, Any] | None = None,
) -> Path:
    """Write the working copy and return its root folder; Terraform's providers in it are kept."""
    copy = state_dir.absolute() / "deploy"
    root = copy / "terraform"
    if (root / STATE).exists() and not (copy / STATE).exists():  # of a cloud from before 2026-12; can go in 2027
        (root / STATE).replace(copy / STATE)
    _copy(repository / "terraform", root)
    _copy(repository / "modules", copy / "modules")
    endpoints = "\n".join(f"    {service} = {json.dumps(endpoint)}" for service in SERVICES)
    (root / "local_override.tf").write_text(ROOT_OVERRIDE % endpoints, encoding="utf-8")
    (copy / "modules" / "delivery" / "local_override.tf").write_text(DELIVERY_OVERRIDE, encoding="utf-8")
    values = {"manifest_path": str(manifest.absolute()), "region": REGION, **(variables or {})}
    (root / "local.tfvars.json").write_text(json.dumps(values, indent=2), encoding="utf-8")
    return root


def outputs(state_dir: Path) -> dict[str, Any]:
    """The outputs of the applied root. Raises DeployError."""
    printed = _terraform(_root(state_dir), ["output", "-json", "-no-color"])
    return {name: output["value"] for name, output in json.loads(printed).items()}


def planned_changes(state_dir: Path) -> str:
    """The changes that another apply would make, as Terraform prints them; empty for none. Raises DeployError."""
    root = _root(state_dir)
    arguments = ["plan", "-detailed-exitcode", "-input=false", "-no-color", f"-parallelism={PARALLELISM}"]
    code, printed = _run(root, [*arguments, *_variable_files(root)])
    if code == 0:
        return ""
    if code == 2:
        return printed
    raise DeployError(f"terraform plan failed:\n{printed[-4000:]}")


def destroy(state_dir: Path, *, on_line: Callable[[str], None] | None = None) -> None:
    """Destroy what was applied. Raises DeployError."""
    root = _root(state_dir)
    (root.parent / APPLIED).unlink(missing_ok=True)
    arguments = ["destroy", "-auto-approve", "-input=false", "-no-color", f"-parallelism={PARALLELISM}"]
    _terraform(root, [*arguments, *_variable_files(root)], on_line)


def _apply(root: Path, on_line: Callable[[str], None] | None, endpoint: str, *, adopts: bool) -> None:
    """Apply. With `adopts`, and when something exists already, import what exists first. Raises DeployError."""
    apply = ["apply", "-auto-approve", "-input=false", "-no-color", f"-parallelism={PARALLELISM}"]
    for is_last in (False, False, True):
        if adopts:
            _adopt(root, endpoint)
        try:
            _terraform(root, [*apply, *_variable_files(root)], on_line, mark=root.parent / APPLYING)
        except DeployError as error:
            if is_last or not _EXISTS.search(error.printed):
                raise
            adopts = True
        else:
            return


_EXISTS: Final = re.compile(r"already|exists|conflict|duplicate", re.IGNORECASE)
"""In errors about resources that exist. Another error may match too: then nothing is adopted, and it comes again."""


def _adopt(root: Path, endpoint: str) -> None:
    """Add `import` blocks for what exists although Terraform would create it. Raises DeployError.

    Unlike `terraform import`, a block is part of a plan, in which all counts are known.
    """
    is_incomplete = True
    while is_incomplete:
        existing = adoption.adoptable(_planned(root), endpoint)
        if existing.replaced:  # the predecessors stay in the cloud, unused
            _terraform(root, ["state", "rm", *existing.replaced])
        with (root / ADOPTED).open("a", encoding="utf-8") as file:
            for address, identifier in sorted(existing.ids.items()):
                file.write(f"import {{\n  to = {address}\n  id = {json.dumps(identifier)}\n}}\n")
        is_incomplete = existing.is_incomplete


def _planned(root: Path) -> list[dict[str, Any]]:
    """The `resource_changes` of a plan. Raises DeployError."""
    plan = root.parent / "adoption.tfplan"
    arguments = ["plan", f"-out={plan}", "-input=false", "-no-color", f"-parallelism={PARALLELISM}"]
    try:
        _terraform(root, [*arguments, *_variable_files(root)])
        return list(json.loads(_terraform(root, ["show", "-json", str(plan)])).get("resource_changes", []))
    finally:
        plan.unlink(missing_ok=True)


def _root(state_dir: Path) -> Path:
    return state_dir.absolute() / "deploy" / "terraform"


def _state(root: Path) -> state.StateFile:
    return state.StateFile(root.parent / STATE)


def _variable_files(root: Path) -> list[str]:
    """Variable files in order: the root's own for the local environment, then the caller's."""
    return [f"-var-file={root / 'envs' / 'local.tfvars'}", f"-var-file={root / 'local.tfvars.json'}"]


def _copy(source: Path, target: Path) -> None:
    """Replace a tree by another, except for Terraform's own files (providers)."""
    ignored = shutil.ignore_patterns(".terraform", "*.tfstate*", "tests", "bootstrap")
    if target.exists():
        for old in target.iterdir():
            if _is_kept(old.name) or old.name == ".terraform.lock.hcl":
                continue
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)


def _errors(printed: str) -> str:
    """Terraform's errors, the first of them if there are many; else the end of what it printed."""
    _, error, errors = printed.partition("\nError: ")
    lines = (error + errors).strip().splitlines() or printed.splitlines()[-ERROR_LINES:]
    more = [f"… and {len(lines) - ERROR_LINES} more lines"] if len(lines) > ERROR_LINES else []
    return "\n".join([*lines[:ERROR_LINES], *more])


def _terraform(
    root: Path, arguments: list[str], on_line: Callable[[str], None] | None = None, mark: Path | None = None
) -> str:
    code, printed = _run(root, arguments, on_line, mark)
    if code != 0:
        raise DeployError(f"terraform {arguments[0]} failed:\n{_errors(printed)}", printed)
    return printed


def _run(
    root: Path, arguments: list[str], on_line: Callable[[str], None] | None = None, mark: Path | None = None
) -> tuple[int, str]:
    """Run Terraform: its exit code and output. The file `mark` is there while it runs, and stays if it is killed."""
    # The user's own AWS settings must not leak into the local cloud, nor the local cloud's into them.
    env = {k: v for k, v in cli_config(root.parent).items() if not k.startswith(("AWS_", "TF_VAR_", "TF_HTTP_"))}
    env |= {"TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    command = [str(ensure_terraform()), *arguments]
    lines: list[str] = []
    if mark:
        mark.touch()
    with (
        _state(root).served() as address,
        subprocess.Popen(  # noqa: S603  # our own arguments
            command,
            cwd=root,
            env=env | {"TF_HTTP_ADDRESS": address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=children.group(),
        ) as process,
    ):
        if process.stdout is None:
            raise DeployError("terraform has no output")
        try:
            for line in process.stdout:
                lines.append(line)
                if on_line:
                    on_line(line.rstrip("\n"))
        except BaseException:
            _stop(process)
            raise
        finally:
            if mark and process.wait() >= 0:
                mark.unlink()
    return process.returncode, "".join(lines)


def _stop(process: subprocess.Popen[str]) -> None:
    """Let Terraform stop and save its state, then end what is left of it, and all other children: the command ends."""
    process.send_signal(signal.SIGINT)
    # Read on, so that it never waits for us.
    reader = threading.Thread(target=process.stdout.read if process.stdout else None, daemon=True)
    reader.start()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOPS_WITHIN_S)
    children.end_all()
    reader.join()
