"""`impp render`: make renditions that were left for later."""

from __future__ import annotations

from typing import Final

import click

from impp_cli.commands.action import Action, act, select_assets, yes_option
from impp_cli.commands.common import ExitCode, Target, dry_run_option, of_environment

NAMES: Final = ("web", "mobile", "youtube", "hls", "proxy", "audio")


@click.command()
@click.argument("arguments", metavar="ASSET... NAME...", nargs=-1, required=True)
@dry_run_option
@yes_option
@of_environment
def render(target: Target, arguments: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool) -> ExitCode:
    """Make renditions of assets: web, mobile, youtube, hls, proxy, or audio for a sound file.

    Shows the price first, and asks. An archived original is restored first. An alert follows when they are ready.
    """
    names = [argument for argument in arguments if argument in NAMES]
    assets = [argument for argument in arguments if argument not in NAMES]
    if not names:
        raise click.UsageError(f"Name a rendition: {', '.join(NAMES)}.")
    action = Action("render", {"renditions": names}, "Render {assets} for {usd}?", dry_run, yes, as_json)
    return act(target, action, select_assets(target, assets))
