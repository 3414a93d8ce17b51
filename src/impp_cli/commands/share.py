"""`impp share`: a link to single assets."""

from __future__ import annotations

import time
from datetime import datetime

import click

from impp_cli.commands.common import ExitCode, Target, dry_run_option, fail, of_environment
from impp_cli.console import print_json
from impp_cli.sharing.spans import duration, part


@click.command()
@click.argument("arguments", metavar="ASSET...", nargs=-1, required=True)
@click.option(
    "--for", "seconds", type=duration(30), default="24h", show_default=True, help="Expire the link after this."
)
@click.option("--part", "span", type=part, help="Play only a part, such as 12s-40s. The link opens the whole asset.")
@click.option("--download", is_flag=True, help="Offer the files for download.")
@click.option("--qr", is_flag=True, help="Print the link as a QR code, for a phone.")
@dry_run_option
@of_environment
def share(
    target: Target,
    arguments: tuple[str, ...],
    seconds: int,
    span: tuple[float, float] | None,
    download: bool,
    qr: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a link that gives whoever has it access to these assets only, at most 10.

    `impp shares` lists and revokes shares.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such asset, 4 no permission, or no distribution.
    """
    from impp_cli.sharing.links import MOST_ASSETS, Links, NoDistribution
    from impp_cli.sharing.shares import Shares

    try:
        links = Links(target.environment, target.account)
    except NoDistribution as error:
        fail(str(error), ExitCode.REFUSED)
    assets = [asset.id for asset in target.assets.resolve_all(arguments)]
    if len(assets) > MOST_ASSETS:
        raise click.UsageError(f"A link can share {MOST_ASSETS} assets, not {len(assets)}: make several links.")
    if dry_run:
        _preview(assets, seconds, as_json)
        return
    options = [*([f"part={span[0]:g}-{span[1]:g}"] if span else []), *(["download=1"] if download else [])]
    fragment = f"#/shared/{','.join(assets)}" + (f"?{'&'.join(options)}" if options else "")
    link = links.to_assets(assets, seconds, fragment)
    # Recorded before anybody gets it: what is not recorded cannot be revoked.
    recorded = Shares(target.environment, target.account).record(assets, link)
    if as_json:
        print_json({"id": recorded.id, "url": link.url, "expires_at": link.expires, "assets": assets})
        return
    if qr:
        from impp_cli.commands.open import print_qr

        print_qr(link.url)
    click.echo(link.url)
    until = datetime.fromtimestamp(link.expires).astimezone()
    click.echo(
        f"Share {recorded.id}: {len(assets)} asset{'s' * (len(assets) > 1)} until {until:%Y-%m-%d %H:%M};"
        f" `impp shares --revoke {recorded.id}` ends it.",
        err=True,
    )


def _preview(assets: list[str], seconds: int, as_json: bool) -> None:
    until = datetime.fromtimestamp(time.time() + seconds).astimezone()
    if as_json:
        print_json({"assets": assets, "expires_at": int(until.timestamp()), "usd": 0})
    else:
        click.echo(f"Would share {', '.join(assets)} until {until:%Y-%m-%d %H:%M}; a link costs nothing.")
