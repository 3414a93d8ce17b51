"""``impp-edge sync``: upload everything once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from impp_edge.cli import DONE, LOCKED, SOME_FAILED, WRONG_SETTING, CommandLine, end, settings, stop_on_signals
from impp_edge.memory.state import Locked, StateError
from impp_edge.show.console import Human, json_lines

if TYPE_CHECKING:
    from impp_edge.run.sync import Summary


@click.command()
@settings
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--dry-run", "-n", is_flag=True, help="Print what would be done, without doing it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line: each file, then the summary.")
@click.option("--quiet", "-q", is_flag=True, help="Print problems only.")
def sync(command_line: CommandLine, paths: tuple[Path, ...], dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Upload new footage from the configured folders, or from PATHS, once."""
    config = command_line.config(paths)
    report = json_lines if as_json else Human(quiet)
    stop = threading.Event()
    stop_on_signals(stop)
    if dry_run:
        from impp_edge.run.dry_run import preview

        leave(lambda: preview(config, report, stop))
    from impp_edge.run.sync import run

    leave(lambda: run(config, report, stop))


def leave(work: Callable[[], Summary | None]) -> None:
    """Run, and exit with the code of the result."""
    try:
        summary = work()
    except Locked as error:
        end(LOCKED, str(error))
    except StateError as error:
        end(WRONG_SETTING, str(error))
    except Exception as error:
        from impp_edge.bucket.aws import Refused  # what only a run that has something to do imports

        if not isinstance(error, Refused):
            raise
        end(WRONG_SETTING, str(error))
    sys.exit(DONE if summary is None or summary.complete else SOME_FAILED)
