"""`impp release`: lift a legal hold."""

from __future__ import annotations

import click

from impp_cli.commands.action import Action, act, select_assets, yes_option
from impp_cli.commands.common import ExitCode, Target, dry_run_option, of_environment


@click.command()
@click.argument("arguments", metavar="ASSET...", nargs=-1, required=True)
@dry_run_option
@yes_option
@of_environment
def release(target: Target, arguments: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool) -> ExitCode:
    """Lift the legal hold of assets: their originals can be deleted again. Asks first."""
    action = Action("release", {}, "Release {assets}?", dry_run, yes, as_json)
    return act(target, action, select_assets(target, arguments))
