"""`impp open`: open the gallery through a signed link."""

from __future__ import annotations

import click

from impp_cli.commands.common import ExitCode, Target, fail, of_environment
from impp_cli.console import print_json
from impp_cli.sharing.spans import duration


@click.command()
@click.argument("argument", metavar="[ASSET]", required=False)
@click.option("--for", "seconds", type=duration(7), default="8h", show_default=True, help="Expire the link after this.")
@click.option("--qr", is_flag=True, help="Print the link as a QR code, for a phone.")
@click.option("--print", "only_print", is_flag=True, help="Print the link and open no browser.")
@of_environment
def open(target: Target, argument: str | None, seconds: int, qr: bool, only_print: bool, as_json: bool) -> None:
    """Open the gallery, or one asset in it, in the browser.

    The link gives access to everything, for whoever has it: do not pass it on. To give somebody access to single
    assets, use `impp share`.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such asset, 4 no permission, or no distribution.
    """
    from impp_cli.sharing.links import Links, NoDistribution

    try:
        links = Links(target.environment, target.account)
    except NoDistribution as error:
        fail(str(error), ExitCode.REFUSED)
    fragment = f"#/a/{target.assets.resolve(argument).id}" if argument else ""
    link = links.to_everything(seconds, fragment)
    if as_json:
        print_json({"url": link.url, "expires_at": link.expires})
        return
    if qr:
        print_qr(link.url)
    if qr or only_print or click.launch(link.url) != 0:
        click.echo(link.url)


def print_qr(text: str) -> None:
    """A QR code in the terminal."""
    import segno

    segno.make(text, error="l", micro=False).terminal(compact=True)
