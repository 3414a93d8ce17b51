"""`impp shares`: list what was shared, and revoke it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from impp_cli.commands.common import ExitCode, Target, dry_run_option, fail, of_environment
from impp_cli.console import print_json

if TYPE_CHECKING:
    from impp_cli.sharing.shares import Share


@click.command()
@click.option("--revoke", metavar="ID", multiple=True, help="Revoke this share. Repeatable.")
@dry_run_option
@of_environment
def shares(target: Target, revoke: tuple[str, ...], dry_run: bool, as_json: bool) -> ExitCode:
    """List the shares, newest first, or revoke some.

    A revoked link stops working within seconds; files that were already downloaded remain. Shares are listed until a
    month after they expire.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing is shared, or no such share, 4 no permission.
    """
    from impp_cli.sharing.shares import Shares, UnknownShare

    store = Shares(target.environment, target.account)
    try:
        chosen = [store.get(share_id) for share_id in revoke] if revoke else store.all()
    except UnknownShare as error:
        fail(str(error), ExitCode.NOTHING)
    for share in chosen if revoke and not dry_run else ():
        store.revoke(share)
    now = time.time()
    if as_json:
        print_json({"shares": [_document(share, now, is_revoked=bool(revoke) and not dry_run) for share in chosen]})
    elif revoke:
        click.echo(f"{'Would revoke' if dry_run else 'Revoked'} {', '.join(share.id for share in chosen)}.")
    elif not chosen:
        click.echo("Nothing is shared.")
    else:
        for share in chosen:
            until = datetime.fromtimestamp(share.expires).astimezone()
            click.echo(f"{share.id}  {share.state(now):8}  until {until:%Y-%m-%d %H:%M}  {', '.join(share.assets)}")
    return ExitCode.OK if chosen else ExitCode.NOTHING


def _document(share: Share, now: float, *, is_revoked: bool) -> dict[str, Any]:
    state = "revoked" if is_revoked else share.state(now)
    return {
        "id": share.id,
        "assets": list(share.assets),
        "created_at": share.created,
        "expires_at": share.expires,
        "state": state,
    }
