"""One page per command-line program, from the click commands that also answer `--help`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from typing import Final

import click

from impp_build.reference import Page
from impp_build.reference.markdown import page, paragraph, table


@dataclass(frozen=True)
class Program:
    """A program with commands: where its click group is, how it is started, and its page."""

    name: str
    group: str  # module:attribute
    path: str
    title: str
    source: str


PROGRAMS: Final = (
    Program(
        "impp",
        "impp_cli.cli:main",
        "docs/reference/impp-cli.md",
        "`impp`: commands",
        "the help texts in `src/impp_cli`",
    ),
    Program(
        "impp-edge",
        "impp_edge.cli:main",
        "docs/reference/edge-cli.md",
        "`impp-edge`: commands and settings",
        "the help texts in `edge/impp_edge`",
    ),
    Program(
        "python build.py",
        "impp_build.cli:cli",
        "docs/reference/build-cli.md",
        "`build.py`: commands",
        "the help texts in `src/impp_build/cli.py`",
    ),
    Program(
        "python -m impp_local",
        "impp_local.cli:main",
        "docs/reference/local-cli.md",
        "`impp_local`: commands of the local cloud",
        "the help texts in `src/impp_local/cli.py`",
    ),
)


def pages() -> Iterator[Page]:
    """The pages of all programs."""
    for program in PROGRAMS:
        module, _, attribute = program.group.partition(":")
        group: click.Group = getattr(importlib.import_module(module), attribute)
        yield Page(program.path, page(program.title, program.source, _parts(program, group)))


def _parts(program: Program, group: click.Group) -> Iterator[str]:
    context = click.Context(group, info_name=program.name)
    known = dict(_commands(group, context))
    common = _common(list(known.values()))
    yield from _prose(group.help or "")
    yield table(
        ("Command", "What it does"),
        ((f"[`{name}`](#{_anchor(program, name)})", one.get_short_help_str(200)) for name, one in known.items()),
    )
    for name, command in known.items():
        yield f"## `{program.name} {name}`"
        yield from _command(command, click.Context(command, info_name=name, parent=context), common)
    if common:
        yield "## Common options"
        yield _options(common)


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """All commands by name, those of a group within the group by both names."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            yield from ((f"{name} {part}", one) for part, one in _commands(command, inner))
        elif command is not None and not command.hidden:
            yield name, command


def _anchor(program: Program, name: str) -> str:
    return f"{program.name} {name}".replace(".", "").replace(" ", "-")


def _common(commands: list[click.Command]) -> list[click.Option]:
    """The options that several commands have alike, by name and help: they get one table for all."""
    seen: dict[tuple[object, ...], list[click.Option]] = {}
    for command in commands:
        for option in _own(command):
            seen.setdefault((*option.opts, option.help), []).append(option)
    return [same[0] for same in seen.values() if len(same) > max(len(commands) / 2, 1)]


def _own(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option) and not option.hidden]


def _command(command: click.Command, context: click.Context, common: list[click.Option]) -> Iterator[str]:
    shared = {(*option.opts, option.help) for option in common}
    own = [option for option in _own(command) if (*option.opts, option.help) not in shared]
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n```"
    yield from _prose(command.help or "")
    if own:
        yield _options(own)
    if len(own) < len(_own(command)):
        yield f"It {'also ' if own else ''}takes the [common options](#common-options)."


def _options(options: list[click.Option]) -> str:
    with_variable = any(option.envvar for option in options)
    rows = []
    for option in options:
        variable = f"`{option.envvar}`" if isinstance(option.envvar, str) else ""
        meaning = option.help or ""
        if option.multiple and "epeat" not in meaning:
            meaning += " Can be repeated."
        if option.show_default and option.default is not None:
            default = f"{option.default:g}" if isinstance(option.default, float) else option.default
            meaning += f" Default: `{default}`."
        rows.append((_flags(option), *((variable,) if with_variable else ()), meaning))
    return table(("Option", *(("Environment",) if with_variable else ()), "Meaning"), rows)


def _flags(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in sorted((*option.opts, *option.secondary_opts), key=len))
    if option.is_flag:
        return names
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    value = "|".join(map(str, choices)) or option.metavar or option.type.name.split()[0].upper()
    return f"{names} `{value}`"


def _prose(text: str) -> Iterator[str]:
    """Help in click's notation: a paragraph below a line with a backspace character keeps its lines."""
    for block in cleandoc(text).split("\n\n"):
        if block.startswith("\b\n"):
            yield f"```text\n{block[2:].rstrip()}\n```"
        elif block.strip():
            yield paragraph(block)
