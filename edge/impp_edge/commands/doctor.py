"""``impp-edge doctor``: find what would prevent uploads, and say what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from impp_edge.cli import DONE, SOME_FAILED, CommandLine, settings
from impp_edge.events import printable

MARKS = {"ok": "✓", "hint": "!", "fail": "✗"}
PLAIN = {"ok": "+", "hint": "!", "fail": "x"}
"""For terminals without Unicode."""


@click.command()
@settings
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--offline", is_flag=True, help="Skip the checks that need a network.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line: each finding.")
def doctor(command_line: CommandLine, paths: tuple[Path, ...], offline: bool, as_json: bool) -> None:
    """Check configuration, folders, state, credentials, bucket, permissions and clock; change nothing.

    Exit codes: 0 no failures (hints at most), 1 something fails, 2 wrong configuration.
    """
    from impp_edge.check.diagnosis import FAIL, examine

    config = command_line.config(paths)
    failed = False
    for finding in examine(config, command_line.file, online=not offline):
        failed = failed or finding.verdict == FAIL
        if as_json:
            click.echo(json.dumps(asdict(finding), ensure_ascii=False))
            continue
        click.echo(f"{_mark(finding.verdict)} {printable(finding.what)}: {printable(finding.text)}")
        if finding.todo:
            click.echo(f"    {printable(finding.todo)}")
    sys.exit(SOME_FAILED if failed else DONE)


def _mark(verdict: str) -> str:
    try:
        MARKS[verdict].encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN[verdict]
    return MARKS[verdict]
