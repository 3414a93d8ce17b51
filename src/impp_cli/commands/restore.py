"""`impp restore`: make archived originals readable for some days."""

from __future__ import annotations

from typing import Any

import click

from impp_cli.commands.action import Action, act, select_assets, selection, yes_option
from impp_cli.commands.common import ExitCode, Target, dry_run_option, of_environment


@click.command()
@click.argument("arguments", metavar="[ASSET]...", nargs=-1)
@click.option(
    "--tier", type=click.Choice(["bulk", "standard", "expedited"]), default="bulk", show_default=True,
    help="Retrieval tier: bulk is the cheapest, expedited the fastest.",
)  # fmt: skip
@click.option("--days", type=click.IntRange(1, 365), default=7, show_default=True, help="Days until the copy expires.")
@selection()
@dry_run_option
@yes_option
@of_environment
def restore(
    target: Target,
    arguments: tuple[str, ...],
    tier: str,
    days: int,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **query: Any,
) -> ExitCode:
    """Restore named or selected originals from the archive. Shows price and time first, and asks.

    An alert with a link follows when each can be read. Nothing needs to run meanwhile.
    """
    question = "Restore {assets} for {usd}?"
    action = Action("restore", {"tier": tier, "days": days}, question, dry_run, yes, as_json)
    return act(target, action, select_assets(target, arguments, **query))
