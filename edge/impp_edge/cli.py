"""The command line. Exit codes: 0 done, 1 some files failed and will be retried, 2 wrong configuration, 3 another run
holds the lock."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from impp_edge import __version__
from impp_edge.config import Config, ConfigError, default_state, load
from impp_edge.state import Locked, State, StateError
from impp_edge.sync import FAILED, RESTLESS, Summary, run

DONE, SOME_FAILED, WRONG_SETTING, LOCKED = 0, 1, 2, 3
DEFAULT_CONFIG = Path.home() / ".config" / "impp-edge" / "config.toml"

Command = Callable[..., Any]


def _settings(command: Command) -> Command:
    """The options that stand for settings of the configuration file."""
    options = [
        click.option("--config", "-c", "config_path", envvar="IMPP_EDGE_CONFIG", type=click.Path(path_type=Path),
                     help=f"Configuration file; {DEFAULT_CONFIG} if that is there."),
        click.option("--bucket", "-b", envvar="IMPP_EDGE_BUCKET", help="Ingest bucket."),
        click.option("--device", envvar="IMPP_EDGE_DEVICE", help="Name of the device, part of every key."),
        click.option("--timezone", envvar="IMPP_EDGE_TIMEZONE", help="Zone of the cameras' clocks; else the system's."),
        click.option("--settle", "settle_s", envvar="IMPP_EDGE_SETTLE", type=float,
                     help="Seconds without change before a file is taken (10)."),
        click.option("--workers", envvar="IMPP_EDGE_WORKERS", type=int, help="Files brought at the same time (4)."),
        click.option("--state", envvar="IMPP_EDGE_STATE", help=f"Folder of the memory ({default_state()})."),
        click.option("--region", envvar="IMPP_EDGE_REGION", help="AWS region; else as the AWS tools find it."),
        click.option("--profile", envvar="IMPP_EDGE_PROFILE", help="AWS profile; else as the AWS tools find it."),
        click.option("--endpoint-url", envvar="IMPP_EDGE_ENDPOINT_URL", help="Another S3 than AWS's own."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="impp-edge")
def main() -> None:
    """Bring footage from cards and folders to an S3 bucket: each file once, proven by checksum, labelled.

    \b
    impp-edge sync                          what the configuration file says
    impp-edge sync /media/card -b my-bucket a card, without any configuration
    """


@main.command()
@_settings
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line: each file, then the summary.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing when all is well.")
def sync(config_path: Path | None, paths: tuple[Path, ...], as_json: bool, quiet: bool, **over: Any) -> None:
    """Bring all new footage of the configured folders, or of PATHS, once."""
    config = _load(config_path, over, paths)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())  # what is under way is finished, nothing new is begun
    tell = _tell_json if as_json else _Human(quiet)
    try:
        summary = run(config, tell, stop)
    except Locked as error:
        _end(LOCKED, str(error))
    except StateError as error:
        _end(WRONG_SETTING, str(error))
    except Exception as error:
        from impp_edge.upload import Refused

        if not isinstance(error, Refused):
            raise
        _end(WRONG_SETTING, str(error))
    sys.exit(DONE if summary.complete else SOME_FAILED)


@main.command()
@_settings
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(config_path: Path | None, as_json: bool, **over: Any) -> None:
    """What was brought so far, and what failed."""
    folder = Path(over["state"]).expanduser() if over["state"] else _state_of(config_path)
    if not (folder / "state.sqlite3").exists():
        _end(WRONG_SETTING, f"{folder}: nothing was ever brought with this state")
    try:
        state = State(folder)
    except StateError as error:
        _end(WRONG_SETTING, str(error))
    found = state.status()
    state.close()
    if as_json:
        click.echo(json.dumps(vars(found), ensure_ascii=False))
        return
    last = datetime.fromtimestamp(found.last).isoformat(sep=" ", timespec="seconds") if found.last else "never"
    click.echo(f"{found.files} files, {_size(found.bytes)} brought; the last one {last}")
    if found.restless:
        click.echo(f"{found.restless} files were still changing")
    for path, reason, times in found.failed:
        click.echo(f"failed {times}x: {_printable(path)}: {reason}")


def _load(config_path: Path | None, over: dict[str, Any], paths: tuple[Path, ...]) -> Config:
    try:
        return load(_config_file(config_path), over, paths)
    except ConfigError as error:
        _end(WRONG_SETTING, str(error))


def _config_file(given: Path | None) -> Path | None:
    return given or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)


def _state_of(config_path: Path | None) -> Path:
    if path := _config_file(config_path):
        return _load(path, {}, ()).state
    return default_state()


def _end(code: int, message: str) -> NoReturn:
    click.echo(f"impp-edge: {message}", err=True)
    sys.exit(code)


def _tell_json(event: dict[str, Any]) -> None:
    if event["event"] != "progress":
        click.echo(json.dumps(event, ensure_ascii=False))


class _Human:
    """Progress on one line of a terminal, problems as they come, one summary line."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._started = time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "progress":
            self._progress(event)
        elif kind == "summary":
            self._clear()
            trouble = event["failed"] or event["stopped"]
            if trouble or not self._quiet:
                click.echo(_line(event), err=bool(trouble and self._quiet))
        elif kind == FAILED:
            self._clear()
            click.echo(f"failed: {_printable(event['path'])}: {event['reason']}", err=True)
        elif event.get("renamed"):
            self._clear()
            click.echo(f"another file had this name: {_printable(event['path'])} is now {event['key']}", err=True)

    def _progress(self, event: dict[str, Any]) -> None:
        if not self._live:
            return
        rate = event["bytes"] / max(time.monotonic() - self._started, 0.001)
        text = (
            f"{event['files']} of {event['of_files']} files, {_size(event['bytes'])} of {_size(event['of_bytes'])}, "
            f"{_size(rate)}/s"
        )
        click.echo(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", nl=False, err=True)

    def _clear(self) -> None:
        if self._live:
            click.echo("\r\x1b[K", nl=False, err=True)


def _line(summary: dict[str, Any]) -> str:
    parts = [f"{summary['brought']} brought ({_size(summary['bytes'])})"]
    for kind, words in (("there", "there already"), ("known", "known"), (RESTLESS, "still changing")):
        if summary[kind]:
            parts.append(f"{summary[kind]} {words}")
    if summary["skipped"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(summary["skipped_because"].items()))
        parts.append(f"{summary['skipped']} skipped ({reasons})")
    if summary["failed"]:
        parts.append(f"{summary['failed']} failed")
    line = ", ".join(parts) + f" in {summary['seconds']:.1f} s"
    return f"{line}; stopped: {summary['stopped']}" if summary["stopped"] else line


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _printable(text: str) -> str:
    """No name can move the cursor or break the line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


__all__ = ["Summary", "main"]
