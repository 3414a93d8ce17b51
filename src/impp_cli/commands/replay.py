"""`impp replay`: process originals again whose run had no result."""

from __future__ import annotations

from typing import Any

import click

from impp_cli.commands.action import Action, act, select_assets, selection, yes_option
from impp_cli.commands.common import ExitCode, Target, dry_run_option, of_environment


@click.command()
@click.argument("arguments", metavar="[ASSET]...", nargs=-1)
@click.option(
    "--tier", type=click.Choice(["bulk", "standard", "expedited"]), default="bulk", show_default=True,
    help="Restore archived originals with this tier first.",
)  # fmt: skip
@selection()
@dry_run_option
@yes_option
@of_environment
def replay(
    target: Target, arguments: tuple[str, ...], tier: str, dry_run: bool, yes: bool, as_json: bool, **query: Any
) -> ExitCode:
    """Reprocess named or selected originals that are deferred, failed, partial or quarantined.

    Shows the quote first, and asks. Archived originals are restored first. At most 60 start per minute; the command
    waits to start the rest, and you can stop and repeat it.
    """
    action = Action(
        "replay", {"tier": tier, "days": 2}, "Process {assets} again for at most {usd}?", dry_run, yes, as_json
    )
    return act(target, action, select_assets(target, arguments, **query))
