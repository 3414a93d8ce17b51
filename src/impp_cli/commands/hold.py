"""`impp hold`: put assets under a legal hold."""

from __future__ import annotations

from typing import Any

import click

from impp_cli.commands.action import Action, act, select_assets, selection
from impp_cli.commands.common import ExitCode, Target, dry_run_option, of_environment


@click.command()
@click.argument("arguments", metavar="[ASSET]...", nargs=-1)
@click.option("--reason", default="", help="Reason for the hold, such as a claim number.")
@selection()
@dry_run_option
@of_environment
def hold(
    target: Target, arguments: tuple[str, ...], reason: str, dry_run: bool, as_json: bool, **query: Any
) -> ExitCode:
    """Put named or selected originals under a legal hold: nobody can delete them until `impp release`."""
    action = Action("hold", {"reason": reason}, None, dry_run, True, as_json)
    return act(target, action, select_assets(target, arguments, **query))
