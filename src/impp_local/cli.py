"""`python -m impp_local`: the local cloud, and what runs on it. Each command imports what it needs when it runs."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Final

import click

from impp_local.kernel.defaults import PORT, REGION, STATE

PID_FILE: Final = "cloud.json"
"""In the state folder: `{"pid": …, "endpoint": …}` of the cloud that uses it."""

BUILD: Final = Path(__file__).resolve().parents[2] / "build"

Folder: Final = click.Path(path_type=Path, file_okay=False)


@click.group()
def main() -> None:
    """The local cloud: the AWS services that IMPP uses, on this machine, on one port."""


# --- the cloud --------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--state", default=STATE, show_default=True, type=Folder, help="Folder for what the cloud keeps on disk.")
@click.option("--deploy", is_flag=True, help="Build, and apply the Terraform root to the cloud.")
@click.option("--verbose", is_flag=True, help="Log the services' activity.")
def up(port: int, state: Path, deploy: bool, verbose: bool) -> None:
    """Start the local cloud in the foreground; the first line printed is its endpoint. Ctrl-C or SIGTERM stops it."""
    if deploy:
        from impp_local.demo import run

        _exit_on_sigterm()
        sys.exit(run.up(port, state.absolute()))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    _serve(port, state)


def _serve(port: int, state: Path) -> None:
    from impp_local.cloud import LocalCloud, PortTaken

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
        click.echo(f"aws --endpoint-url {cloud.endpoint} s3 ls   (any access key; region {REGION})", err=True)
        sys.stdout.flush()
        stopping.wait()
    finally:
        pid_file.unlink(missing_ok=True)
        cloud.stop()


@main.command()
@click.option("--state", default=STATE, show_default=True, type=Folder, help="Folder that the cloud was started with.")
@click.option("--timeout", default=20.0, show_default=True, help="Seconds to wait until it has stopped.")
def down(state: Path, timeout: float) -> None:
    """Stop the local cloud that uses this state folder."""
    pid_file = state / PID_FILE
    try:
        recorded = json.loads(pid_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        click.echo(f"No local cloud runs with {state}.")
        return
    if not _is_local_cloud(recorded):
        pid_file.unlink(missing_ok=True)
        click.echo(f"The local cloud of {state} has already stopped.")
        return
    os.kill(recorded["pid"], signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while _is_alive(recorded["pid"]):
        if time.monotonic() > deadline:
            raise click.ClickException(f"Process {recorded['pid']} did not stop within {timeout:g} s.")
        time.sleep(0.05)
    click.echo(f"Stopped {recorded['endpoint']}.")


def _is_local_cloud(recorded: dict[str, object]) -> bool:
    """Whether the recorded process is still a local cloud, and not another program with the same process id."""
    try:
        with urllib.request.urlopen(f"{recorded['endpoint']}/_impp/health", timeout=5) as response:  # noqa: S310  # ours
            return bool(json.load(response)["pid"] == recorded["pid"])
    except (OSError, ValueError, KeyError):
        return False


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


# --- the demo ---------------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--media",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with your own footage (default: a generated sample SD card).",
)
@click.option("--sample", type=Folder, help="Only write the sample SD card to this folder, and list its files.")
@click.option("--timeout", default=900.0, show_default=True, help="Seconds that the pipeline may take.")
def demo(media: Path | None, sample: Path | None, timeout: float) -> None:
    """Run a card of footage through the real pipeline, and write a report.

    Exits with 0 when every file finished as expected, with 1 when one did not, with 2 when the run failed.
    """
    from impp_local.demo import run
    from impp_local.demo.sample_card import make_sample_card

    if sample:
        for entry in make_sample_card(sample):
            click.echo(f"{entry.state:12} {entry.path}  ({entry.note})")
        return
    _exit_on_sigterm()
    sys.exit(run.run(media, timeout))


def _exit_on_sigterm() -> None:
    """Unwind on SIGTERM, so that the cloud, a process of its own, stops too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@main.command()
def assets() -> None:
    """Download the models that the engines use, and check them."""
    from impp_engines import assets

    sys.exit(assets.main())


# --- Terraform --------------------------------------------------------------------------------------------------------


@main.group()
def terraform() -> None:
    """Find or fetch Terraform, and run it with the providers of this host."""


@terraform.command()
def ensure() -> None:
    """Print the path of a usable Terraform; fetch the pinned release if there is none."""
    from impp_local.deploy.terraform import TerraformMissing, ensure_terraform

    try:
        click.echo(ensure_terraform())
    except TerraformMissing as missing:
        raise _terraform_missing(missing) from None


@terraform.command()
def fetch() -> None:
    """Fetch the pinned release into the cache, checked by SHA-256."""
    from impp_local.deploy.terraform import TerraformMissing, fetch_terraform

    try:
        click.echo(fetch_terraform())
    except TerraformMissing as missing:
        raise _terraform_missing(missing) from None


@terraform.command()
@click.option("--build-dir", default=BUILD, type=Folder, help="Folder where terraform.rc is written.")
def env(build_dir: Path) -> None:
    """Print `export` lines that make Terraform work in this shell."""
    from impp_local.deploy.terraform import cli_config, export_lines

    click.echo("\n".join(export_lines(cli_config(build_dir))))


@terraform.command(name="run", context_settings={"ignore_unknown_options": True})
@click.option("--build-dir", default=BUILD, type=Folder, help="Folder where terraform.rc is written.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_terraform(build_dir: Path, arguments: tuple[str, ...]) -> None:
    """Run Terraform with that environment: run -- ARGUMENTS."""
    from impp_local.deploy.terraform import TerraformMissing, cli_config, ensure_terraform

    try:
        command = [str(ensure_terraform()), *arguments]
    except TerraformMissing as missing:
        raise _terraform_missing(missing) from None
    sys.exit(subprocess.run(command, env=cli_config(build_dir), check=False).returncode)  # noqa: S603


def _terraform_missing(missing: Exception) -> click.ClickException:
    return click.ClickException(str(missing))
