"""The command line `impp`. Each command is a module of `impp_cli.commands`, imported when it runs."""

from __future__ import annotations

import importlib
from typing import Final

import click

COMMANDS: Final = (
    "configure", "cost", "doctor", "erase", "find", "get", "hold", "index", "keys", "open", "release", "render",
    "replay", "restore", "share", "shares", "show",
)  # fmt: skip
"""Names of the commands: each is a function of that name in the module of that name."""


class _Commands(click.Group):
    """The commands by name, without importing those that do not run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"impp_cli.commands.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_Commands)
def main() -> None:
    """Your footage archive on AWS or on one machine.

    `make deploy` and `make up` write the settings of an environment to `~/.config/impp/<environment>.toml`. `--env` or
    `IMPP_ENV` selects one; if there is only one, neither is needed. Credentials come from the usual AWS chain, or from
    the AWS profile that you name in that file, `profile = "…"`.

    ASSET is the id of an asset or its beginning, the key or file name of its original, or a file on this machine, which
    is looked up by its checksum.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing matched, 4 refused: no permission, or not in this state.
    """
