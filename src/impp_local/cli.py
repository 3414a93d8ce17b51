"""`python -m impp_local up|down`: the local cloud in the foreground, and its end from another shell."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
import urllib.request
from pathlib import Path

import click

DEFAULT_PORT = 4580
DEFAULT_STATE = Path("build/local-cloud")
PID_FILE = "cloud.json"
"""In the state folder: `{"pid": …, "endpoint": …}` of the cloud that uses it."""


@click.group()
def main() -> None:
    """The local cloud: the AWS services that IMPP uses, on this machine, on one port."""


@main.command()
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--state", default=DEFAULT_STATE, show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--verbose", is_flag=True, help="Log what the services do.")
def up(port: int, state: Path, verbose: bool) -> None:
    """Start it in the foreground; the first line printed is its endpoint. Ctrl-C or SIGTERM ends it."""
    from impp_local.cloud import LocalCloud, PortTaken

    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    cloud = LocalCloud(port, state)
    try:
        cloud.start()
    except PortTaken as error:
        raise click.ClickException(str(error.strerror)) from None
    pid_file = state / PID_FILE
    try:
        pid_file.write_text(json.dumps({"pid": os.getpid(), "endpoint": cloud.endpoint}), encoding="utf-8")
        click.echo(cloud.endpoint)
        click.echo(f"aws --endpoint-url {cloud.endpoint} s3 ls   (any access key; region us-east-1)", err=True)
        sys.stdout.flush()
        stopping.wait()
    finally:
        pid_file.unlink(missing_ok=True)
        cloud.stop()


@main.command()
@click.option("--state", default=DEFAULT_STATE, show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--timeout", default=20.0, show_default=True, help="Seconds to wait for its end.")
def down(state: Path, timeout: float) -> None:
    """Stop the cloud that runs with this state folder."""
    try:
        noted = json.loads((state / PID_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        click.echo(f"No local cloud runs with {state}.")
        return
    if not _is_ours(noted):
        (state / PID_FILE).unlink(missing_ok=True)
        click.echo(f"The local cloud of {state} is gone already.")
        return
    os.kill(noted["pid"], signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while _alive(noted["pid"]):
        if time.monotonic() > deadline:
            raise click.ClickException(f"Process {noted['pid']} did not end within {timeout:g} s.")
        time.sleep(0.05)
    click.echo(f"Stopped {noted['endpoint']}.")


def _is_ours(noted: dict[str, object]) -> bool:
    """Whether the noted process is a local cloud still, and not one that was given its number since."""
    try:
        with urllib.request.urlopen(f"{noted['endpoint']}/_impp/health", timeout=5) as answer:  # noqa: S310  # ours
            return bool(json.load(answer)["pid"] == noted["pid"])
    except (OSError, ValueError, KeyError):
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
