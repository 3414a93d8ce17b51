"""`python -m impp_local`: the local cloud, and what runs on it. Each command imports what it needs when it runs."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from impp_local.kernel.defaults import PORT, STATE

BUILD: Final = Path(__file__).resolve().parents[2] / "build"

STATE_HELP: Final = "Folder for the cloud's state.  [default: ${XDG_DATA_HOME:-~/.local/share}/impp]"

Folder: Final = click.Path(path_type=Path, file_okay=False)


@click.group()
def main() -> None:
    """The local cloud: the AWS services that IMPP uses, on this machine, on one port."""


# --- the cloud --------------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 picks a free one."
)
@click.option("--state", default=STATE, type=Folder, help=STATE_HELP)
@click.option("--deploy", is_flag=True, help="Build, and apply the Terraform root if anything has changed.")
@click.option("--fresh", is_flag=True, help="Remove everything in the state folder first; asks.")
@click.option(
    "--durable/--no-durable", default=True, help="Wait for writes to reach the disk, so that a power cut loses nothing."
)
@click.option("--enforce/--no-enforce", default=True, help="Enforce the IAM policies on each request.")
@click.option("--yes", is_flag=True, help="Do not ask before --fresh removes anything.")
@click.option("--verbose", is_flag=True, help="Log the services' activity.")
def up(
    port: int, state: Path, deploy: bool, fresh: bool, durable: bool, enforce: bool, yes: bool, verbose: bool
) -> None:
    """Start the local cloud in the foreground; the first line printed is its endpoint. Ctrl-C or SIGTERM stops it.

    It resumes from the state folder.
    """
    from impp_local.demo import up as home

    state = _absolute(state)
    if fresh and not yes:
        click.confirm(f"Remove all footage and results in {state}?", abort=True)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    sys.exit(home.up(port, state, deploys=deploy, durable=durable, enforce=enforce, fresh=fresh))


@main.command()
@click.option(
    "--state", default=STATE, type=Folder, help="Folder that the cloud was started with.  [default: as for up]"
)
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait until it has stopped.")
def down(state: Path, timeout: float) -> None:
    """Stop the local cloud that uses this state folder, even during a deployment."""
    from impp_local.demo import up as home

    try:
        click.echo(home.down(_absolute(state), timeout))
    except TimeoutError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option(
    "--state", default=STATE, type=Folder, help="Folder that the cloud was started with.  [default: as for up]"
)
def permissions(state: Path) -> None:
    """List the IAM policy statements that no request has needed since the local cloud started.

    A statement is needed if at least one request would have been decided differently without it.
    """
    from impp_local.demo import up as home

    try:
        for line in home.unneeded_statements(_absolute(state)):
            click.echo(line)
    except LookupError as error:
        raise click.ClickException(str(error.args[0])) from None


def _absolute(path: Path) -> Path:
    """The path from the root, with `~` expanded; links stay."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  # resolve() follows links


# --- the demo ---------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--media", type=click.Path(path_type=Path), help="Folder with your own footage, which is only read.")
@click.option("--sample", type=Folder, help="Only write the sample SD card to this folder, and list its files.")
@click.option("--keep", is_flag=True, help="Keep the cloud running after the run, and print the gallery's address.")
def demo(media: Path | None, sample: Path | None, keep: bool) -> None:
    """Run a card of footage through the real pipeline, and write a report. Without --media, a sample card is generated.

    Exit codes: 0 every file finished as expected, 1 at least one did not, 2 the run failed. After a signal, unfinished
    files are reported as running.
    """
    from impp_local.demo import run
    from impp_local.demo.sample_card import make_sample_card

    if sample:
        for entry in make_sample_card(_absolute(sample)):
            click.echo(f"{entry.state:12} {entry.path}  ({entry.note})")
        return
    sys.exit(run.run(_absolute(media) if media else None, keeps=keep))


@main.command()
def assets() -> None:
    """Download and verify the models that the engines use."""
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
    """Run Terraform with the environment of `terraform env`: run -- ARGUMENTS."""
    from impp_local.deploy.terraform import TerraformMissing, cli_config, ensure_terraform

    try:
        command = [str(ensure_terraform()), *arguments]
    except TerraformMissing as missing:
        raise _terraform_missing(missing) from None
    sys.exit(subprocess.run(command, env=cli_config(build_dir), check=False).returncode)  # noqa: S603


@terraform.command(name="plan")
@click.option(
    "--env", "environment", default="dev", show_default=True, help="Name of a file in terraform/envs, without .tfvars."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the plan.  [default: stdout]")
@click.option(
    "--var", "variables", metavar="NAME=JSON", multiple=True, help="Variable that overrides the tfvars. Repeatable."
)
def plan_terraform(environment: str, out: Path | None, variables: tuple[str, ...]) -> None:
    """Plan an environment from an empty state, with fake credentials and no network; write the plan as JSON.

    Needs `make build`. Variables of the environment (TF_VAR_…) apply.
    """
    import json

    from impp_local.deploy.offline_plan import PlanningFailed, plan_offline

    try:
        given = {name: json.loads(value) for name, _, value in (entry.partition("=") for entry in variables)}
        text = json.dumps(plan_offline(environment, given), indent=1)
    except ValueError as error:
        raise click.BadParameter(f"a variable must be NAME=JSON: {error}") from None
    except PlanningFailed as failure:
        raise click.ClickException(str(failure)) from None
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, "utf-8")
    else:
        click.echo(text)


def _terraform_missing(missing: Exception) -> click.ClickException:
    return click.ClickException(str(missing))
