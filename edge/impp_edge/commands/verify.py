"""``impp-edge verify``: compare the card, S3 and the custody log."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impp_edge.cli import DONE, SOME_FAILED, WRONG_SETTING, CommandLine, end, settings
from impp_edge.events import printable, size
from impp_edge.memory.state import State, StateError
from impp_edge.show.console import Human, json_lines

if TYPE_CHECKING:
    from impp_edge.check.comparison import Result
    from impp_edge.config import Config
    from impp_edge.memory.custody import Check

COUNTED = (
    ("changed", "changed on the card"), ("missing", "missing from the bucket"), ("differs", "different"),
    ("unlogged", "not in the custody log"), ("forged", "with a rewritten custody log"),
    ("unreadable", "could not be checked"), ("gone", "no longer on the card"), ("new", "not uploaded yet"),
    ("earlier", "equal, but uploaded before there was a custody log"),
)  # fmt: skip


@click.command()
@settings
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--gone", is_flag=True, help="Also check files that are no longer on the card, against S3 and the log.")
@click.option("--log-only", is_flag=True, help="Check the custody log only; needs no network.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line: each mismatch, then the summary."
)
def verify(command_line: CommandLine, paths: tuple[Path, ...], gone: bool, log_only: bool, as_json: bool) -> None:
    """Read uploaded files again, all or those below PATHS, and compare them with S3 and the custody log.

    Exit codes: 0 everything matches, 1 something differs, 2 wrong configuration.
    """
    try:
        if log_only:
            _log_only(command_line.state(), as_json)
        _all(configured(command_line, paths), paths, gone, as_json)
    except StateError as error:
        end(WRONG_SETTING, str(error))


def configured(command_line: CommandLine, paths: Sequence[Path] = ()) -> Config:
    """The configuration, which needs no folders here, only the bucket."""
    from impp_edge.check.comparison import absolute
    from impp_edge.config import ConfigError, load

    try:
        return load(command_line.file, command_line.over)
    except ConfigError:
        config = command_line.config((Path("/"),))  # any folder: says what else is wrong
    folders = [path if path.is_dir() else path.parent for path in map(absolute, paths)]
    outermost = [one for one in dict.fromkeys(folders) if not any(other in one.parents for other in folders)]
    return command_line.config(tuple(outermost)) if outermost else replace(config, folders=())


def remembered_head(folder: Path) -> str | None:
    """The newest hash of the custody log according to the state; None without a state."""
    from impp_edge.memory.custody import KEPT
    from impp_edge.memory.database import FILE

    if not (folder / FILE).exists():
        return None
    state = State(folder, write=False)
    try:
        return state.get(KEPT)
    finally:
        state.close()


def _log_only(folder: Path, as_json: bool) -> None:
    from impp_edge.check.comparison import log_dict
    from impp_edge.memory.custody import NAME, check

    if not (folder / NAME).exists() and not remembered_head(folder):
        end(WRONG_SETTING, f"{folder}: there is no custody log: nothing was uploaded with this state")
    check_result = check(folder, remembered_head(folder))
    if as_json:
        json_lines({"event": "log", **log_dict(check_result)})
    else:
        click.echo("\n".join(_log_lines(check_result)))
    sys.exit(DONE if check_result.ok else SOME_FAILED)


def _all(config: Config, paths: tuple[Path, ...], gone: bool, as_json: bool) -> None:
    from impp_edge.bucket.s3 import S3, Refused
    from impp_edge.check import comparison as work
    from impp_edge.cli import stop_on_signals

    stop, human = threading.Event(), Human()
    stop_on_signals(stop)

    def report(event: dict[str, Any]) -> None:
        if as_json:
            json_lines(event)
        elif event["event"] == "wrong":
            human.say(f"{event['kind']}: {printable(event['path'])}: {printable(event['reason'])}")
        else:
            human(event)

    state = work.Reader(config.state)
    try:
        s3 = S3(config.bucket, config.region, config.endpoint_url, config.profile, config.ca_bundle, stop)
        result = work.verify(config, state, s3, report, stop, [work.absolute(path) for path in paths], gone)
        s3.close()
    except Refused as error:
        end(WRONG_SETTING, str(error))
    finally:
        state.close()
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        human.say("\n".join([*_log_lines(result.log), *_basis(result), _line(result)]))
    sys.exit(DONE if result.ok else SOME_FAILED)


def _log_lines(check_result: Check) -> list[str]:
    lines = [f"custody log: line {one.line} ({one.kind}): {one.why}" for one in check_result.findings]
    if check_result.wrong > len(check_result.findings):
        lines.append(f"custody log: and {check_result.wrong - len(check_result.findings)} more")
    if check_result.torn:
        lines.append(
            f"custody log: the last {check_result.torn} bytes are not a complete line: a run is writing it, or a "
            "power cut interrupted one"
        )
    if check_result.ok:
        lines.append(f"custody log: {check_result.entries} entries, intact; the newest is {check_result.head}")
    return lines


def _basis(result: Result) -> list[str]:
    """What the comparison with S3 rests on."""
    if result.basis is None:
        return []
    how = "" if result.basis.is_verified else "; the objects were read back"
    return [f"proof: {result.basis.text}{how}"]


def _line(result: Result) -> str:
    parts = [f"{result.counts['equal']} equal ({size(result.bytes)} read)"]
    parts += [f"{result.counts[kind]} {words}" for kind, words in COUNTED if result.counts[kind]]
    line = f"{', '.join(parts)} in {result.seconds:.1f} s"
    return f"{line}; stopped: {printable(result.stopped)}" if result.stopped else line
