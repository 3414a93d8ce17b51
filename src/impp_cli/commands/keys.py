"""`impp keys`: the keys that sign links."""

from __future__ import annotations

from typing import Final

import click

from impp_cli.commands.common import Target, dry_run_option, fail, of_environment
from impp_cli.console import print_json

KEY_PAIR_USD: Final = 0.0012
WOULD_END: Final = "Links signed two rotations ago would end."


@click.group()
def keys() -> None:
    """Manage the keys that sign links."""


@keys.command()
@dry_run_option
@of_environment
def rotate(target: Target, dry_run: bool, as_json: bool) -> None:
    """Switch to the next signing key; existing links work until the rotation after this one.

    The switch interrupts nobody: CloudFront has known the next key since the previous rotation. To end every link at
    once, rotate three times.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 4 no permission.
    """
    function = target.environment.function("viewer_keys")
    if dry_run:
        if as_json:
            print_json({"would_invoke": function, "usd": KEY_PAIR_USD})
        else:
            click.echo(f"Would invoke {function}: ${KEY_PAIR_USD} for a key pair. {WOULD_END}")
        return
    result = target.account.invoke(function, {"action": "rotate"})  # once: a second rotation would end links
    if "key_pair_ids" not in result:
        fail(f"{function} failed: {result.get('errorMessage', result)}. Rotate again; see log /aws/lambda/{function}.")
    current, previous = result["key_pair_ids"][:2]
    if as_json:
        print_json({"current": current, "previous": previous})
    else:
        click.echo(f"{current} signs from now on; links signed by {previous} work until the next rotation.")
