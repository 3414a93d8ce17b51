"""The command line: a group whose commands are imported when asked for, and the options that all of them share.

Exit codes of every command: 0 done, 1 some files failed and will be retried (or a check found something wrong), 2 wrong
configuration, 3 another run holds the lock.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from impp_edge import __version__
from impp_edge.config import RETAIN, SETTINGS, Config, ConfigError, Setting, load, state_folder

DONE, SOME_FAILED, WRONG_SETTING, LOCKED = 0, 1, 2, 3
DEFAULT_CONFIG = Path.home() / ".config" / "impp-edge" / "config.toml"
STOPPING = (signal.SIGTERM, signal.SIGINT)
COMMANDS = ("sync", "watch", "status", "verify", "prove", "forget", "doctor")

Command = Callable[..., Any]


class _Lazy(click.Group):
    """Imports a command's module when the command runs, so that each starts quickly."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"impp_edge.commands.{name}"), name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="impp-edge")
def main() -> None:
    """Upload footage from cards and folders to an S3 bucket: each file once, verified by checksum.

    \b
    impp-edge sync                          upload the folders of the configuration file
    impp-edge sync /media/card -b my-bucket upload a card without a configuration file

    Exit codes: 0 done, 1 some files failed and will be retried, 2 wrong configuration, 3 another run holds the lock.
    """


@dataclass(frozen=True)
class CommandLine:
    """The user's input: a configuration file or None, and the settings of flags and environment."""

    file: Path | None
    over: Mapping[str, Any]

    def config(self, paths: tuple[Path, ...] = ()) -> Config:
        """The whole configuration, with ``paths``, if any, instead of its folders. Exits with 2 if it is wrong."""
        try:
            return load(self.file, self.over, paths)
        except ConfigError as error:
            end(WRONG_SETTING, str(error))

    def state(self) -> Path:
        """The state folder, for commands that need no bucket. Exits with 2 if the configuration is wrong."""
        try:
            return state_folder(self.file, self.over)
        except ConfigError as error:
            end(WRONG_SETTING, str(error))


def settings(command: Command) -> Command:
    """Add ``--config``, and a flag and environment variable per setting; the command gets them as ``given``."""

    def with_given(*args: Any, config_path: Path | None, **options: Any) -> Any:
        over = {name: options.pop(f"set_{name}") for name in _NAMES}
        file = config_path or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
        return command(*args, command_line=CommandLine(file, _document(over)), **options)

    with_given.__name__, with_given.__doc__ = command.__name__, command.__doc__
    with_given.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for option in reversed(_options()):
        with_given = option(with_given)
    return with_given


def end(code: int, message: str) -> NoReturn:
    """Print a message to standard error and exit."""
    click.echo(f"impp-edge: {message}", err=True)
    sys.exit(code)


def stop_on_signals(stop: threading.Event, wake: Callable[[], None] = lambda: None) -> None:
    """Let the first SIGTERM or SIGINT set ``stop`` and call ``wake``; the second one ends the process.

    A handler runs in the middle of whatever the main thread does, so that may ask ``stop`` but neither set it nor wait
    for it, and ``wake`` may take no lock that the main thread may hold.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        stop.set()
        wake()

    for number in STOPPING:
        signal.signal(number, handle)


class _Listed(click.types.StringParamType):
    """A list in an environment variable, separated by semicolons, because paths and hours have spaces."""

    envvar_list_splitter = ";"


_FLAGS = {"bucket": ("--bucket", "-b"), "tags": ("--tag",), "hours": ("--hours",), "exclude": ("--exclude",)}
_ON_LINE = [s for s in SETTINGS if s.name != "retain"] + [
    Setting(f"retain_{s.name}", s.kind, s.help, s.least, s.most) for s in RETAIN
]
_NAMES = [s.name for s in _ON_LINE]


def _options() -> list[Callable[[Command], Command]]:
    config = click.option(
        "--config", "-c", "config_path", envvar="IMPP_EDGE_CONFIG", type=click.Path(path_type=Path),
        help="Read this configuration file (~/.config/impp-edge/config.toml).",
    )  # fmt: skip
    return [config, *(_option(setting) for setting in _ON_LINE)]


def _option(setting: Setting) -> Callable[[Command], Command]:
    flag = "--" + setting.name.replace("_", "-")
    flags = (f"{flag}/--no-{flag[2:]}",) if setting.kind is bool else _FLAGS.get(setting.name, (flag,))
    many = setting.kind in (list, dict)
    kind: Any = {bool: None, int: int, float: float}.get(setting.kind, _Listed())
    return click.option(
        *flags, f"set_{setting.name}", envvar=f"IMPP_EDGE_{setting.name.upper()}", default=None, help=setting.help,
        type=click.Choice(setting.choices) if setting.choices else kind, multiple=many,
    )  # fmt: skip


def _document(over: Mapping[str, Any]) -> dict[str, Any]:
    """Flags in the shape of the configuration file."""
    command_line = {name: list(v) if isinstance(v, tuple) else v for name, v in over.items() if v not in (None, (), [])}
    if "tags" in command_line:
        if wrong := [tag for tag in command_line["tags"] if "=" not in tag]:
            end(WRONG_SETTING, f"--tag {wrong[0]}: must be key=value")
        command_line["tags"] = dict(tag.split("=", 1) for tag in command_line["tags"])
    retain = {s.name: command_line.pop(f"retain_{s.name}") for s in RETAIN if f"retain_{s.name}" in command_line}
    return command_line | ({"retain": retain} if retain else {})
