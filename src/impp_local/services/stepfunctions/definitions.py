"""Reading a definition in the Amazon States Language: once per text, with JSON's own escapes, and with the path of the
field that each expression stands in, as AWS names it in errors: ``Arguments/Payload/key``, ``Catch[0]/Output/list[1]``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlt4utils.antlr4utils import is_terminal
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.component import Component
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

_parsing: Final = threading.Lock()


def parse_once(worker: Any) -> Any:
    """The parsed definition of an execution."""
    return parse(worker._evaluation_details.state_machine_details.definition)


def parse(definition: str) -> Any:
    """A parsed definition. It holds nothing of a run (the environment does), so all runs share it. Raises what moto's
    parser raises."""
    with _parsing:
        return _parse(definition)


@lru_cache(maxsize=64)
def _parse(definition: str) -> Any:
    program = AmazonStateLanguageParser.parse(definition)[0]
    _locate_in_program(program)
    return program


def read_string(parser_rule_context: Any) -> str | None:
    """The value of a JSON string in a definition."""
    text = str(parser_rule_context.getText())
    if is_terminal(parser_rule_context, ASLLexer.NULL):
        return None
    return str(json.loads(text)) if text.startswith('"') else text


# --- where an expression stands ---------------------------------------------------------------------------------------

_FIELDS: Final = {
    "assign": "Assign",
    "assign_decl": "Assign",
    "cause": "Cause",
    "comparison": "Condition",
    "credentials": "Credentials",
    "error": "Error",
    "heartbeat": "HeartbeatSeconds",
    "item_reader": "ItemReader",
    "item_selector": "ItemSelector",
    "items": "Items",
    "max_concurrency_decl": "MaxConcurrency",
    "output": "Output",
    "parargs": "Arguments",
    "result_writer": "ResultWriter",
    "timeout": "TimeoutSeconds",
    "tolerated_failure_count_decl": "ToleratedFailureCount",
    "tolerated_failure_percentage_decl": "ToleratedFailurePercentage",
}
"""Fields of a state, a rule or a catcher by the attributes in which moto keeps them."""


def _locate_in_program(program: Any) -> None:
    for state in program.states.states.values():
        parts = vars(state)
        _locate_fields(state, "")
        for number, rule in enumerate(getattr(parts.get("choices_decl"), "rules", ())):
            _locate_fields(rule, f"Choices[{number}]/")
        for number, catcher in enumerate(getattr(parts.get("catch"), "catchers", ())):
            _locate_fields(catcher, f"Catch[{number}]/")
        if wait := parts.get("wait_function"):
            _locate(wait, type(wait).__name__.removesuffix("JSONata"))
        for inner in _programs(parts):
            _locate_in_program(inner)


def _programs(parts: Mapping[str, Any]) -> list[Any]:
    branches: list[Any] = getattr(parts.get("branches"), "programs", [])
    iteration = parts.get("iteration_component")
    return branches if iteration is None else [iteration._get_iteration_program()]


def _locate_fields(owner: Any, prefix: str) -> None:
    for attribute, field in _FIELDS.items():
        _locate(vars(owner).get(attribute), prefix + field)


def _locate(part: Any, path: str) -> None:
    if isinstance(part, StringJSONata):
        part.location = path  # type: ignore[attr-defined]
    elif isinstance(part, Component) and not isinstance(part, Program):
        members = vars(part)
        if name := members.get("identifier"):
            path = f"{path}/{name.removeprefix('$')}"
        for attribute, member in members.items():
            if attribute == "values":
                for number, element in enumerate(member):
                    _locate(element, f"{path}[{number}]")
            else:
                _locate(member, path)
    elif isinstance(part, list):
        for element in part:
            _locate(element, path)
