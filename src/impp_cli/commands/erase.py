"""`impp erase`: remove assets and everything that was made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from impp_cli.commands.action import Action, act, yes_option
from impp_cli.commands.common import ExitCode, Target, dry_run_option, fail, of_environment


@click.command()
@click.argument("arguments", metavar="ASSET...", nargs=-1, required=True)
@click.option("--reason", default="", help="Reason to put into the receipt.")
@click.option(
    "--receipts", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="Write the receipts to this folder.  [default: the current one]",
)  # fmt: skip
@dry_run_option
@yes_option
@of_environment
def erase(
    target: Target, arguments: tuple[str, ...], reason: str, folder: Path, dry_run: bool, yes: bool, as_json: bool
) -> ExitCode:
    """Erase assets permanently: every version of the original, renditions, captions, catalog and index entries.

    Shows what will be removed, and asks. Writes a receipt `erased-<asset>.json` for each; if you lose it, run the
    command again within a week. Assets on hold are refused.
    """
    if not dry_run:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"Cannot create the folder for receipts {folder}: {error.strerror}. Nothing was erased.")
    action = Action("erase", {"reason": reason}, "Erase {assets} permanently?", dry_run, yes, as_json)
    return act(target, action, _ids(target, arguments), lambda result: _keep(folder, result))


def _ids(target: Target, arguments: Sequence[str]) -> list[str]:
    """Ids are taken as they are: an erased asset has no item to look up, and its id says that it is erased."""
    from impp_cli.archive.assets import ID

    named = [argument.lower() for argument in arguments]
    if all(ID.fullmatch(name) for name in named):
        return list(dict.fromkeys(named))
    return [asset.id for asset in target.assets.resolve_all(arguments)]


def _keep(folder: Path, result: Any) -> None:
    """Write the receipt of an asset, which nobody else keeps for long, as soon as it is there."""
    if "receipt" not in result:
        return
    path, receipt = folder / f"erased-{result['asset']}.json", json.dumps(result["receipt"], indent=2)
    try:
        path.write_text(f"{receipt}\n", encoding="utf-8")
    except OSError as error:
        click.echo(f"{path}: {error.strerror}. The receipt:\n{receipt}", err=True)
    else:
        click.echo(f"Receipt: {path}", err=True)
