"""The Condition element: operators, their suffix IfExists and their prefixes ForAllValues and ForAnyValue.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from impp_local.iam.matching import Context, Pattern

Matcher = Callable[[Pattern, str, Context], bool]
"""Whether a value of the request (second) matches one of the policy."""


@dataclass(frozen=True)
class Condition:
    """One operator on one key. Negated operators hold when no value of the policy matches."""

    key: str
    values: tuple[Pattern, ...]
    matches: Matcher | None
    is_negated: bool = False
    quantifier: str = ""
    if_exists: bool = False

    def holds(self, context: Context) -> bool:
        """Whether the request satisfies it. A missing key satisfies negated operators and IfExists."""
        given = context.get(self.key)
        values = [] if given is None else [given] if isinstance(given, str) else list(given)
        if self.matches is None:  # Null
            return any((pattern.text.lower() == "true") == (not values) for pattern in self.values)
        if not values:
            return self.quantifier == "forallvalues" or self.if_exists or (self.is_negated and not self.quantifier)
        satisfied = [self._accepts(value, context) for value in values]
        if self.quantifier == "forallvalues" or (self.is_negated and not self.quantifier):
            return all(satisfied)
        return any(satisfied)

    def _accepts(self, value: str, context: Context) -> bool:
        assert self.matches is not None
        return any(self.matches(pattern, value, context) for pattern in self.values) != self.is_negated


def parse(element: Mapping[str, Mapping[str, Any]] | None, *, is_filled: bool) -> tuple[Condition, ...]:
    """The conditions of a statement. Raises ValueError for an unknown operator."""
    conditions = []
    for name, keys in (element or {}).items():
        quantifier, _, operator = name.lower().rpartition(":")
        base = operator.removesuffix("ifexists")
        is_negated = base in _NEGATED
        if base != "null" and _NEGATED.get(base, base) not in _OPERATORS:
            raise ValueError(f"IAM has no condition operator {name}")
        matches = None if base == "null" else _OPERATORS[_NEGATED.get(base, base)]
        for key, given in keys.items():
            values = given if isinstance(given, list) else [given]
            patterns = tuple(Pattern(_text(value), is_filled=is_filled) for value in values)
            conditions.append(
                Condition(key.lower(), patterns, matches, is_negated, quantifier, operator.endswith("ifexists"))
            )
    return tuple(conditions)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- operators --------------------------------------------------------------------------------------------------------


def _string_equals(pattern: Pattern, value: str, context: Context) -> bool:
    return pattern.equals(value, context)


def _string_equals_ignore_case(pattern: Pattern, value: str, context: Context) -> bool:
    return pattern.equals(value, context, any_case=True)


def _string_like(pattern: Pattern, value: str, context: Context) -> bool:
    return pattern.matches(value, context)


def _arn_like(pattern: Pattern, value: str, context: Context) -> bool:
    return pattern.matches_arn(value, context)


def _bool(pattern: Pattern, value: str, _context: Context) -> bool:
    return pattern.text.lower() == value.lower()


def _binary(pattern: Pattern, value: str, _context: Context) -> bool:
    try:
        return base64.b64decode(pattern.text) == base64.b64decode(value)
    except ValueError:
        return False


def _ip_address(pattern: Pattern, value: str, _context: Context) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(pattern.text, strict=False)
    except ValueError:
        return False


def _compare(read: Callable[[str], Any], is_so: Callable[[Any, Any], bool]) -> Matcher:
    """Compares the request's value with the policy's; what cannot be read matches nothing."""

    def matches(pattern: Pattern, value: str, _context: Context) -> bool:
        try:
            return is_so(read(value), read(pattern.text))
        except ValueError:
            return False

    return matches


def _moment(text: str) -> datetime:
    """ISO 8601 or seconds of the epoch."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "equals": lambda given, wanted: given == wanted,
    "lessthan": lambda given, wanted: given < wanted,
    "lessthanequals": lambda given, wanted: given <= wanted,
    "greaterthan": lambda given, wanted: given > wanted,
    "greaterthanequals": lambda given, wanted: given >= wanted,
}

_OPERATORS: Final[Mapping[str, Matcher]] = {
    "stringequals": _string_equals,
    "stringequalsignorecase": _string_equals_ignore_case,
    "stringlike": _string_like,
    "arnequals": _arn_like,  # both "behave identically"
    "arnlike": _arn_like,
    "bool": _bool,
    "binaryequals": _binary,
    "ipaddress": _ip_address,
    **{f"numeric{name}": _compare(float, is_so) for name, is_so in _COMPARISONS.items()},
    **{f"date{name}": _compare(_moment, is_so) for name, is_so in _COMPARISONS.items()},
}

_NEGATED: Final[Mapping[str, str]] = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
