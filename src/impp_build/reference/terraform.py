"""Inputs and outputs of each Terraform folder, between two markers of its README, from `variables.tf` and `outputs.tf`.

An input of an object type has a row for the object and one for each attribute, down to the innermost. An attribute's
description is the comment above it:

    # Hours without a heartbeat before the alarm.
    silent_hours = optional(number, 24)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import hcl2
from hcl2.rules.abstract import LarkElement, LarkRule
from hcl2.rules.base import BlockRule, StartRule
from hcl2.rules.containers import ObjectElemRule
from hcl2.rules.whitespace import NewLineOrCommentRule
from hcl2.walk import find_all

from impp_build.reference import ROOT, Page
from impp_build.reference.markdown import table

BEGIN: Final = "<!-- Inputs and outputs: generated from the .tf files by `make reference`. -->"
END: Final = "<!-- End of inputs and outputs. -->"
REQUIRED: Final = "required"


def pages() -> Iterator[Page]:
    """The README of each folder that declares variables, with its tables up to date."""
    for variables in sorted((*ROOT.glob("modules/*/variables.tf"), *ROOT.glob("terraform/**/variables.tf"))):
        readme = variables.with_name("README.md")
        path = readme.relative_to(ROOT).as_posix()
        yield Page(path, _replace(readme.read_text(encoding="utf-8"), tables(variables.parent), path))


def _replace(text: str, tables: str, path: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} must hold the line {BEGIN!r} and, below it, {END!r}")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def tables(folder: Path) -> str:
    """The Markdown of a folder's inputs and outputs."""
    variables, declared = (hcl2.parses((folder / f"{name}.tf").read_text("utf-8")) for name in ("variables", "outputs"))
    inputs = sorted(_blocks(variables, "variable").items(), key=lambda item: "default" in item[1])
    comments = _comments(variables)
    outputs = _blocks(declared, "output")
    return "\n\n".join(
        (
            "## Inputs",
            table(
                ("Name", "Type", "Default", "Description"),
                (row for name, block in inputs for row in _input(name, block, comments)),
            ),
            "## Outputs",
            table(("Name", "Description"), ((f"`{name}`", _description(block)) for name, block in outputs.items())),
        )
    )


def _blocks(file: StartRule, kind: str) -> dict[str, Mapping[str, Any]]:
    """The blocks of a kind by their label, in the order of the file."""
    return {_unquote(label): body for block in hcl2.serialize(file).get(kind, ()) for label, body in block.items()}


def _unquote(text: str) -> str:
    """A string's content: hcl2 keeps the quotes, and the text of a heredoc with its markers."""
    heredoc = re.fullmatch(r'"<<-?(\w+)\n(.*)\n\s*\1"', text, re.DOTALL)
    return cleandoc(heredoc[2]) if heredoc else str(json.loads(text))


def _description(block: Mapping[str, Any]) -> str:
    words = [word.capitalize() for word in ("ephemeral", "sensitive") if block.get(word)]
    return " ".join((_unquote(block["description"]), *([", ".join(words).capitalize() + "."] if words else [])))


def _comments(file: StartRule) -> dict[str, str]:
    """The comments above attributes, by path (`variable.attribute.attribute`)."""
    blocks = find_all(file, BlockRule)
    return dict(
        comment
        for block in blocks
        if len(block.labels) == 2
        for comment in _comments_within(block.body, _unquote(block.labels[1].serialize()))
    )


def _comments_within(rule: LarkElement, path: str) -> Iterator[tuple[str, str]]:
    comment: list[str] = []
    for child in rule.children if isinstance(rule, LarkRule) else ():
        if isinstance(child, NewLineOrCommentRule):
            _, *lines = str(child.serialize()).splitlines()  # the first is the end of the line before
            comment += (line.lstrip(" #") for line in lines if line.strip().startswith("#"))
        elif isinstance(child, ObjectElemRule):
            attribute = f"{path}.{child.key.serialize()}"
            if comment:
                yield attribute, " ".join(comment)
            comment = []
            yield from _comments_within(child, attribute)
        elif child is not None:
            yield from _comments_within(child, path)


def _input(name: str, block: Mapping[str, Any], comments: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """The row of a variable, then those of its attributes."""
    default = _code(block["default"]) if "default" in block else REQUIRED
    (row, *attributes) = _rows(name, _expression(block["type"]), default)
    yield (f"`{row[0]}`", *row[1:], _description(block))
    for path, kind, inner_default in attributes:
        yield f"`{path}`", kind, inner_default, comments.get(path.replace("[*]", ""), "")


def _rows(name: str, kind: str, default: str) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of a value, then of the attributes of the objects within it."""
    shown, path, attributes = _objects(kind)
    yield name, f"`{shown}`", default
    for attribute, declared in attributes.items():
        inner, inner_default = _optional(declared)
        yield from _rows(f"{name}{path}.{attribute}", inner, inner_default)


def _objects(kind: str) -> tuple[str, str, Mapping[str, str]]:
    """A type without its object's attributes, the path to that object (`[*]` in a collection), and the attributes."""
    function, arguments = _call(kind)
    if function == "object":
        (attributes,) = arguments
        return "object", "", {name: _expression(declared) for name, declared in attributes.items()}
    if function in ("list", "map", "set"):
        shown, path, attributes = _objects(_expression(arguments[0]))
        return f"{function}({shown})", f"[*]{path}", attributes
    return kind, "", {}


def _optional(declared: str) -> tuple[str, str]:
    """Type and default of an attribute."""
    function, arguments = _call(declared)
    if function != "optional":
        return declared, REQUIRED
    return _expression(arguments[0]), _code(arguments[1] if len(arguments) > 1 else None)


def _call(expression: str) -> tuple[str, list[Any]]:
    """Name and arguments of a type constructor; no name for a type that is only a word."""
    call = re.fullmatch(r"(\w+)\((.*)\)", expression, re.DOTALL)
    if not call:
        return "", []
    return call[1], hcl2.loads(f"arguments = [{call[2]}]\n")["arguments"]


def _expression(value: str) -> str:
    """The text of an expression, which hcl2 wraps like a template."""
    return value.removeprefix("${").removesuffix("}") if value.startswith("${") else value


def _code(value: Any) -> str:
    return f"`{_literal(value)}`"


def _literal(value: Any) -> str:
    """A value in Terraform's spelling."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_literal(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return _expression(value) if isinstance(value, str) else json.dumps(value)
