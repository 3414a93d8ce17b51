"""``impp-edge watch``: upload everything and new files as they appear, until stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from impp_edge.cli import CommandLine, settings, stop_on_signals
from impp_edge.commands.sync import leave
from impp_edge.show.console import Human, json_lines


@click.command()
@settings
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line: each file, then a summary.")
@click.option("--quiet", "-q", is_flag=True, help="Print problems only.")
def watch(command_line: CommandLine, paths: tuple[Path, ...], as_json: bool, quiet: bool) -> None:
    """Upload new footage from the configured folders, or from PATHS, until SIGTERM.

    A folder may be missing: cards can be inserted and removed at any time. Under systemd, use Type=notify.
    """
    from impp_edge.run.watch import Watch

    config = command_line.config(paths)
    stop = threading.Event()
    daemon = Watch(config, json_lines if as_json else Human(quiet), stop)
    stop_on_signals(stop, daemon.wake)
    leave(daemon.run)
