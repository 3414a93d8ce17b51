"""What `make up` and `make down` do: a local cloud with IMPP deployed, which keeps its state.

The cloud runs in this process; Terraform is a child.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import click

from impp_cli import environments
from impp_engines import assets
from impp_local.demo import environment, stages
from impp_local.demo.console import Console, DeployProgress
from impp_local.demo.names import printable, shown
from impp_local.demo.signals import Interrupted, leave, unwinding
from impp_local.deploy import root
from impp_local.deploy.terraform import TerraformMissing
from impp_local.kernel import children, store
from impp_local.kernel.clients import Clients
from impp_local.kernel.defaults import REGION, aws_settings

RECORD: Final = "cloud.json"
"""In the state folder: `{"pid": …, "endpoint": …}` of the cloud that uses it."""

LOCAL: Final = "local"
"""The environment's name."""

HOME: Final[Mapping[str, Any]] = {"force_destroy": False}
"""Variables of a cloud that keeps footage: Terraform must not delete a bucket that holds some."""

SETTLED_S: Final = 1.0
"""Resources are on disk half a second after a change, so a deployment counts as done after this."""

FAILURES: Final = (
    stages.DemoError,
    root.DeployError,
    TerraformMissing,
    assets.AssetError,
    store.StoreInUse,
    store.StoreUnreadable,
)


@dataclass(frozen=True)
class Record:
    """A cloud that runs, or ran, with a state folder."""

    pid: int
    endpoint: str

    @classmethod
    def read(cls, state: Path) -> Self | None:
        """The record in a state folder; None when there is none."""
        try:
            recorded = json.loads((state / RECORD).read_text(encoding="utf-8"))
            return cls(int(recorded["pid"]), str(recorded["endpoint"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, state: Path) -> None:
        """Record a cloud in its state folder."""
        (state / RECORD).write_text(json.dumps({"pid": self.pid, "endpoint": self.endpoint}), encoding="utf-8")

    def is_running(self) -> bool:
        """Whether the process is still this cloud, and not another program with the same process id."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_impp/health", timeout=5) as response:  # noqa: S310  # ours
                return bool(json.load(response)["pid"] == self.pid)
        except (OSError, ValueError, KeyError):
            return False


def up(port: int, state: Path, *, deploys: bool, durable: bool, enforce: bool, fresh: bool) -> int:
    """Start a local cloud, deploy to it if asked, and keep it running until a signal comes; returns the exit code.

    The first line printed is the endpoint. With `fresh`, what the state folder holds is removed first.
    """
    from impp_local.cloud import LocalCloud, PortTaken

    console = Console(sys.stderr)
    try:
        with unwinding():
            try:
                if fresh:
                    _forget(state)
                with LocalCloud(port, state, durable=durable, enforce=enforce) as cloud:
                    Record(os.getpid(), cloud.endpoint).write(state)
                    try:
                        _print(cloud.endpoint)
                        if deploys:
                            _deploy(cloud.endpoint, state, console)
                        else:
                            click.echo(
                                f"aws --endpoint-url {cloud.endpoint} s3 ls   (key and secret: test; region {REGION})",
                                err=True,
                            )
                        while True:
                            signal.pause()
                    finally:
                        (state / RECORD).unlink(missing_ok=True)
            except Interrupted as interrupted:
                is_finished = root.is_applied(state) or not deploys
                if deploys:
                    console.line(
                        "\nStopped."
                        if is_finished
                        else "\nStopped before everything was deployed; `make up` continues."
                    )
                leave(0 if is_finished else interrupted.exit_code)
    except PortTaken as error:
        console.line(f"{error.strerror}")
    except store.StoreInUse as error:
        console.line(_in_use(state) or str(error))
    except FAILURES as error:
        console.line(f"\n{error}")
    children.end_all()
    return 2


def _forget(state: Path) -> None:
    """Remove what the cloud has, and what Terraform knows of it."""
    store.erase(state)
    root.forget_deployment(state)


def _deploy(endpoint: str, state: Path, console: Console) -> None:
    executor = ThreadPoolExecutor(max_workers=1)
    models = executor.submit(assets.prepare)
    executor.shutdown(wait=False)
    outputs = _outputs(endpoint, state, console)
    models.result()
    settings = environments.write(environment.of_cloud(LOCAL, endpoint, outputs))
    _print(
        "",
        "export " + " ".join(f"{name}={value}" for name, value in aws_settings(endpoint).items()),
        f"aws s3 cp clip.mp4 s3://{outputs['ingest_bucket']}/originals/phone/mine/{datetime.now(UTC):%Y/%m/%d}/",
        f"impp --help   (settings of the environment {LOCAL}: {printable(shown(settings))})",
        "",
        f"What there is: {endpoint}/",
        f"Kept in {printable(shown(state))}; Ctrl-C or `make down` stops it, `make up` continues.",
    )


def _outputs(endpoint: str, state: Path, console: Console) -> dict[str, Any]:
    """Build, apply what has changed, and return the outputs of the root."""
    with console.stage("Build the functions and the state machine"):
        manifest = stages.build()
    outputs = root.deployed(endpoint, state, manifest, variables=HOME)
    if outputs is None or not _is_there(endpoint, outputs):
        with console.stage("Deploy the real Terraform root to it"):
            outputs = root.deploy(endpoint, state, manifest, variables=HOME, on_line=DeployProgress(console))
            time.sleep(SETTLED_S)
    else:
        console.line("✓ Deployed already; nothing has changed since")
    return outputs


def _is_there(endpoint: str, outputs: Mapping[str, Any]) -> bool:
    """Whether the cloud has what Terraform made: its folder may be an older copy than Terraform's state."""
    from botocore.exceptions import ClientError

    clients = Clients(endpoint)
    try:
        clients("dynamodb").describe_table(TableName=outputs["catalog_table"])
        clients("s3").head_bucket(Bucket=outputs["ingest_bucket"])
        clients("stepfunctions").describe_state_machine(stateMachineArn=outputs["state_machine_arn"])
        clients("sns").get_topic_attributes(TopicArn=outputs["alert_topic_arn"])
    except ClientError:
        return False
    return True


def _print(*lines: str) -> None:
    click.echo("\n".join(lines))
    sys.stdout.flush()


def _in_use(state: Path) -> str | None:
    record = Record.read(state)
    if record is None:
        return None
    return (
        f"A local cloud already runs with {printable(shown(state))}: {record.endpoint} (process {record.pid}). Use it,"
        " stop it with `make down`, or start another one with `make up STATE=<folder> PORT=<port>`."
    )


def down(state: Path, timeout_s: float) -> str:
    """Stop the local cloud that uses a state folder, also while it deploys; returns what happened.

    Raises TimeoutError when it does not stop in time.
    """
    record = Record.read(state)
    if record is None:
        return f"No local cloud runs with {printable(shown(state))}."
    if not record.is_running():
        (state / RECORD).unlink(missing_ok=True)
        return f"The local cloud of {printable(shown(state))} has already stopped."
    os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while _is_alive(record.pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Process {record.pid} did not stop within {timeout_s:g} s.")
        time.sleep(0.05)
    return f"Stopped {record.endpoint}."


def unneeded_statements(state: Path) -> list[str]:
    """One line for each statement that nothing needed, as `<policy>: <statement>`, and a line that counts them.

    Raises LookupError when no local cloud that enforces policies runs with the state folder.
    """
    record = Record.read(state)
    if record is None or not record.is_running():
        raise LookupError(f"No local cloud runs with {printable(shown(state))}.")
    page = stages.page(record.endpoint, "permissions")
    if not page["enforced"]:
        raise LookupError(f"{record.endpoint} does not enforce IAM: start it with --enforce.")
    lines = [
        f"{one['policy']}: {one['statement']}{suffix}"
        for kind, suffix in (("unused", ""), ("replaceable", "  (another statement allows the same)"))
        for one in page[kind]
    ]
    return [*lines, f"{len(lines)} of {len(lines) + len(page['needed'])} statements were not needed."]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    is_zombie = stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
    return not is_zombie
