"""EventBridge event patterns and input transformers.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html

The rules for lists, `exists` and `anything-but` are those of Ruler, the library behind EventBridge
(https://github.com/aws/event-ruler); every row of the tests was compared with it.

moto's matcher (5.2.5) ignores arrays of objects, treats a boolean as a number and has no wildcards. A field's list of
alternatives matches when any of them does; a field that is an array matches when any element does; all fields of an
object must match within the same element of an array of objects.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

_MISSING: Final = object()
_NUMERIC: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[['\"](.+?)['\"]\]")
_PLACEHOLDER: Final = re.compile(r'"(?:\\.|[^"\\])*"|<([\w.\-]+)>')
_INNER: Final = re.compile(r"<([\w.\-]+)>")


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether `event` (decoded JSON) matches the event pattern (decoded JSON)."""
    if isinstance(event, list):
        return any(matches(pattern, element) for element in event if isinstance(element, Mapping)) or (
            not any(isinstance(element, Mapping) for element in event) and matches(pattern, _MISSING)
        )
    fields = event if isinstance(event, Mapping) else {}
    return all(
        any(matches(alternative, event) for alternative in wanted)
        if field == "$or" and isinstance(wanted, list)
        else _field(wanted, fields.get(field, _MISSING))
        for field, wanted in pattern.items()
    )


def _field(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return matches(wanted, value)
    return any(_alternative(alternative, value) for alternative in wanted)


def _alternative(alternative: Any, value: Any) -> bool:
    if isinstance(alternative, Mapping) and "exists" in alternative:  # leaves only, of which an empty list has none
        has_leaf = value is not _MISSING and next(_scalars(value), _MISSING) is not _MISSING
        return bool(alternative["exists"]) == has_leaf
    if value is _MISSING or isinstance(value, Mapping):
        return False
    return any(_scalar(alternative, scalar) for scalar in _scalars(value))


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _scalars(element)
    elif not isinstance(value, Mapping):
        yield value


def _scalar(alternative: Any, value: Any) -> bool:
    if not isinstance(alternative, Mapping):
        return (type(value) is type(alternative) and value == alternative) or (
            _is_number(alternative) and _is_number(value) and alternative == value
        )
    ((name, argument),) = alternative.items()
    test = _TESTS.get(name)
    return test is not None and test(argument, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _affix(argument: Any, value: Any, at: Callable[[str, str], bool]) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(argument, Mapping):
        return at(value.lower(), str(argument["equals-ignore-case"]).lower())
    return any(at(value, text) for text in _as_list(argument))


def _numeric(argument: list[Any], value: Any) -> bool:
    if not _is_number(value):
        return False
    return all(_NUMERIC[sign](value, bound) for sign, bound in zip(argument[::2], argument[1::2], strict=True))


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        return not _scalar(argument, value)
    return not any(_scalar(excluded, value) for excluded in _as_list(argument))


def _equals_ignore_case(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and any(value.lower() == text.lower() for text in _as_list(argument))


def _wildcard(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and any(_wildcard_regex(text).fullmatch(value) for text in _as_list(argument))


@lru_cache(maxsize=256)
def _wildcard_regex(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", text)
    return re.compile("".join(".*" if p == "*" else re.escape(p.lstrip("\\") or "\\") for p in parts), re.DOTALL)


def _cidr(argument: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


def _as_list(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "prefix": lambda argument, value: _affix(argument, value, str.startswith),
    "suffix": lambda argument, value: _affix(argument, value, str.endswith),
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "wildcard": _wildcard,
    "cidr": _cidr,
}


def select(path: str, event: Any) -> Any:
    """The value at a simple JSONPath (``$.detail.object.key``, ``$.resources[0]``), or None."""
    position = 1 if path.startswith("$") else 0
    value = event
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return None
        name, index, quoted = step.groups()
        try:
            value = value[int(index)] if index is not None else value[name if name is not None else quoted]
        except (KeyError, IndexError, TypeError):
            return None
        position = step.end()
    return value


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str, rule_name: str) -> str:
    """The text that a target receives: the event, or the result of its Input, InputPath or InputTransformer."""
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(select(target["InputPath"], event), ensure_ascii=False)
    if transformer := target.get("InputTransformer"):
        paths = transformer.get("InputPathsMap") or {}
        values = {name: select(path, event) for name, path in paths.items()} | {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event.ingestion-time": event["time"],
            "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
            "aws.events.event.json": event,
        }
        return transform(transformer["InputTemplate"], values)
    return json.dumps(event, ensure_ascii=False)


def transform(template: str, values: Mapping[str, Any]) -> str:
    """Fill ``<name>`` of an input template: as a JSON value, or as text inside a JSON string.

    A template that is plain text, not JSON, becomes a JSON string, as EventBridge sends it. A name without a value
    becomes ``null``, or nothing inside a string; an undefined name stays as it is.
    """

    def fill_json(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:  # a JSON string
            return _INNER.sub(fill_string, match[0])
        return json.dumps(values[name], ensure_ascii=False) if name in values else match[0]

    def fill_text(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def fill_string(match: re.Match[str]) -> str:
        return json.dumps(fill_text(match), ensure_ascii=False)[1:-1]

    stripped = template.strip()
    if stripped[:1] in ('"', "{", "["):
        return _PLACEHOLDER.sub(fill_json, stripped)
    if only := _INNER.fullmatch(stripped):
        return fill_json(only)
    return json.dumps(_INNER.sub(fill_text, stripped), ensure_ascii=False)
