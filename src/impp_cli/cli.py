"""The command line `impp`. Each command is a module of `impp_cli.commands`, imported when it runs."""

from __future__ import annotations

import importlib
from typing import Final

import click

COMMANDS: Final = ("doctor",)
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

    Credentials come from the usual AWS chain. A file `~/.config/impp/<environment>.toml` may name the AWS profile of an
    environment, `profile = "…"`, or the endpoint of a local cloud, `endpoint_url = "…"`.
    """
