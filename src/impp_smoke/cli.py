"""`python -m impp_smoke`: proves a deployed environment with a few files, then removes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from impp_local.demo.console import Console
from impp_local.demo.signals import Interrupted, leave, unwinding
from impp_local.deploy.terraform import REPOSITORY
from impp_local.kernel.defaults import STATE
from impp_smoke import environment as environments
from impp_smoke import report
from impp_smoke.cleanup import Cleaner
from impp_smoke.environment import Environment, SmokeError
from impp_smoke.files import SmokeFile
from impp_smoke.run import FAILURES, Smoke, reported

FOLDER: Final = REPOSITORY / "build" / "smoke"
LOCAL: Final = "local"


@click.command()
@click.option("--env", "name", default="dev", show_default=True, help="Environment; `local` is that of `make up`.")
@click.option("--outputs", type=click.Path(path_type=Path), help="File with what `terraform output -json` prints.")
@click.option("--state", default=STATE, type=click.Path(path_type=Path), help="State folder of the local cloud.")
@click.option("--yes", is_flag=True, help="Do not ask before spending money.")
@click.option("--keep", is_flag=True, help="Remove nothing afterwards.")
@click.option("--clean", metavar="DEVICE", help="Only remove what the run with this device name has left.")
def main(name: str, outputs: Path | None, state: Path, yes: bool, keep: bool, clean: str | None) -> None:
    """Upload a few files to a deployed environment, check everything that comes of them, and remove it.

    Exits with 0 when all checks passed and nothing is left, with 1 when not, with 2 when the run failed.
    """
    console = Console()
    try:
        with unwinding():
            try:
                environment = _environment(name, outputs, state)
                code = _clean(console, environment, clean) if clean else _run(console, environment, yes=yes, keep=keep)
            except Interrupted as interrupted:
                leave(interrupted.exit_code)
    except FAILURES as error:
        console.line(f"\n{error}")
        sys.exit(2)
    sys.exit(code)


def _environment(name: str, outputs: Path | None, state: Path) -> Environment:
    if name == LOCAL:
        return environments.on_this_machine(state.absolute())
    return environments.on_aws(name, outputs or FOLDER / f"{name}.outputs.json")


def _run(console: Console, environment: Environment, *, yes: bool, keep: bool) -> int:
    def agree(usd_most: float, files: list[SmokeFile]) -> None:
        console.line()
        for line in report.before(environment, smoke.run.device, usd_most, files):
            console.line(line)
        if not yes and not environment.is_local:
            if not sys.stdin.isatty():
                raise SmokeError("Nobody can be asked here: add YES=1 (--yes) to agree.")
            click.confirm("Go on?", abort=True)
        console.line()

    smoke = Smoke(environment, console, agree, keep=keep)
    with reported(smoke, FOLDER) as path:
        try:
            smoke.go()
        finally:
            for line in report.after(smoke.result, is_local=environment.is_local) if smoke.has_begun else ():
                console.line(line)
            if smoke.has_begun:
                console.line(f"Report: {path.relative_to(REPOSITORY)}")
    return 0 if smoke.result.is_good else 1


def _clean(console: Console, environment: Environment, device: str) -> int:
    environment.check()
    with console.stage(f"Clean up after {device}"):
        try:
            cleaned = Cleaner(environment, device).clean()
        except ValueError as error:
            raise SmokeError(str(error)) from error
    console.line(", ".join(f"{count} {kind}" for kind, count in cleaned.removed.items()) or "There was nothing.")
    for entry in cleaned.left:
        console.line(f"✗ {entry}")
    return 1 if cleaned.left else 0
