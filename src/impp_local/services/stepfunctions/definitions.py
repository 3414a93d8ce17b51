"""Reading a definition in the Amazon States Language: once per text, with JSON's own escapes."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from typing import Any, Final

from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlt4utils.antlr4utils import is_terminal
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

_parsing: Final = threading.Lock()


def parse_once(worker: Any) -> Any:
    """The parsed definition of an execution. It holds nothing of a run (the environment does), so all runs share it."""
    with _parsing:
        return _parse(worker._evaluation_details.state_machine_details.definition)


@lru_cache(maxsize=64)
def _parse(definition: str) -> Any:
    return AmazonStateLanguageParser.parse(definition)[0]


def read_string(parser_rule_context: Any) -> str | None:
    """The value of a JSON string in a definition."""
    text = str(parser_rule_context.getText())
    if is_terminal(parser_rule_context, ASLLexer.NULL):
        return None
    return str(json.loads(text)) if text.startswith('"') else text
