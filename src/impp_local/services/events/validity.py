"""Whether an event pattern is one, as PutRule decides.

Rules and, but for rare faults, reasons are those of Ruler, the library behind EventBridge
(https://github.com/aws/event-ruler, JsonRuleCompiler and its parsers). moto (5.2.5) only looks for empty lists and for
values that are neither lists nor objects.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_NUMERIC_RANGE: Final = re.compile(r"[<>]=?")
_BAD_ESCAPE: Final = re.compile(r"(?:[^\\]|\\[*\\])*?\\(?![*\\])")


def fault(pattern: Any) -> str | None:
    """Why a decoded pattern is not valid; None if it is."""
    return next(_pattern(pattern), None)


def _pattern(pattern: Any) -> Iterator[str]:
    if not isinstance(pattern, Mapping):
        yield "Filter is not an object"
    elif not pattern:
        yield "Empty objects are not allowed"
    else:
        for field, wanted in pattern.items():
            yield from _field(field, wanted)


def _field(field: str, wanted: Any) -> Iterator[str]:
    if isinstance(wanted, Mapping):
        yield from _pattern(wanted)
    elif not isinstance(wanted, list):
        yield f'"{field}" must be an object or an array'
    elif not wanted:
        yield "Empty arrays are not allowed"
    elif field == "$or" and len(wanted) > 1 and all(isinstance(alternative, Mapping) for alternative in wanted):
        for alternative in wanted:
            yield from _pattern(alternative)
    else:
        for alternative in wanted:
            yield from _alternative(alternative)


def _alternative(alternative: Any) -> Iterator[str]:
    if isinstance(alternative, list):
        yield "Match value must be String, number, true, false, or null"
    elif isinstance(alternative, Mapping):
        if len(alternative) != 1:
            yield "Only one key allowed in match expression" if alternative else "Match expression name not found"
            return
        ((name, argument),) = alternative.items()
        check = _OPERATORS.get(name)
        yield from check(name, argument) if check else [f"Unrecognized match type {name}"]


def _exists(name: str, argument: Any) -> Iterator[str]:
    if not isinstance(argument, bool):
        yield f"{name} match pattern must be either true or false."


def _text(name: str, argument: Any) -> Iterator[str]:
    if not isinstance(argument, str):
        yield f"{name} match pattern must be a string"


def _affix(name: str, argument: Any) -> Iterator[str]:
    if isinstance(argument, Mapping) and list(argument) == ["equals-ignore-case"]:
        argument = argument["equals-ignore-case"]
    yield from _text(name, argument)


def _wildcard(name: str, argument: Any) -> Iterator[str]:
    yield from _text(name, argument)
    if isinstance(argument, str):
        if "**" in argument.replace("\\\\", "").replace("\\*", ""):
            yield f"Consecutive wildcard characters at pos {argument.index('**') + 1}"
        elif escape := _BAD_ESCAPE.match(argument):
            yield f"Invalid escape character at pos {escape.end()}"


def _cidr(_name: str, argument: Any) -> Iterator[str]:
    address, slash, _ = str(argument).partition("/")
    if not slash:
        yield "Malformed CIDR, one '/' required"
        return
    try:
        network = ipaddress.ip_network(argument, strict=False)
    except ValueError:
        yield f"Nonstandard IP address: {address}"
        return
    if network.prefixlen == network.max_prefixlen:
        yield f"IPv{network.version} mask bits must be < {network.max_prefixlen}"


def _numeric(_name: str, argument: Any) -> Iterator[str]:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        yield "Invalid member in numeric match: a list of one or two operators with their numbers is needed"
        return
    signs, bounds = argument[::2], argument[1::2]
    if not all(isinstance(bound, (int, float)) and not isinstance(bound, bool) for bound in bounds):
        yield "Value of a numeric match must be numeric"
    if signs == ["="]:
        return
    for sign in signs:
        if not isinstance(sign, str) or not _NUMERIC_RANGE.fullmatch(sign):
            yield f"Unrecognized numeric range operator: {sign}"
    if len(signs) == 2:
        if not (str(signs[0]).startswith(">") and str(signs[1]).startswith("<")):
            yield f"Bad numeric range operator: {signs[1]}"
        elif bounds[0] >= bounds[1]:
            yield "Bottom must be less than top"


def _anything_but(_name: str, argument: Any) -> Iterator[str]:
    if isinstance(argument, Mapping):
        ((name, values),) = argument.items() if len(argument) == 1 else (("", None),)
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            yield f"Unsupported anything-but pattern: {name}"
        elif not all(isinstance(value, str) and value for value in _as_list(values)):
            yield "Null prefix/suffix not allowed"
        return
    kinds = {str if isinstance(value, str) else type(value) for value in _as_list(argument)}
    if kinds != {str} and not (kinds and kinds <= {int, float}):
        yield "Inside anything but list, either all values are number or string, mixed type is not supported"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_OPERATORS: Final[Mapping[str, Callable[[str, Any], Iterator[str]]]] = {
    "exists": _exists,
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _text,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
