"""How a value of a policy matches a value of a request: wildcards, ARNs, policy variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

Context = Mapping[str, str | Sequence[str]]
"""Condition keys in lower case, with the request's value; a sequence where a key has several."""

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_LITERALS: Final = {"*": "*", "?": "?", "$": "$"}
"""Variables that stand for a character that would otherwise be special."""

ARN_PARTS: Final = 6


class Pattern:
    """A value of a policy. `is_filled`: variables are replaced (policy language version 2012-10-17)."""

    __slots__ = ("_folded", "_is_filled", "_is_fixed", "_is_whole_arn", "_parts", "text")

    def __init__(self, text: str, *, is_filled: bool = True) -> None:
        self.text = text
        self._is_filled = is_filled and "${" in text
        self._is_fixed = not self._is_filled and "*" not in text and "?" not in text
        self._folded = text.casefold()
        self._is_whole_arn = self._is_fixed and text.count(":") >= ARN_PARTS - 1
        self._parts = None if self._is_filled else _arn_parts(text.replace("[", "[[]"))

    def matches(self, value: str, context: Context, *, any_case: bool = False) -> bool:
        """Whether all of the value matches; `*` is any number of characters, `?` is one."""
        if self._is_fixed:
            return self._folded == value.casefold() if any_case else self.text == value
        pattern = self._filled(context)
        return pattern is not None and _compiled(pattern, any_case).fullmatch(value) is not None

    def matches_arn(self, arn: str, context: Context) -> bool:
        """Whether an ARN matches, each of its six parts by itself; an incomplete ARN is completed with `*`."""
        if self.text in ("*", arn):
            return True
        if self._is_whole_arn:
            return False
        parts, values = self._parts, arn.split(":", ARN_PARTS - 1)
        if parts is None or len(values) < ARN_PARTS:
            pattern = self._filled(context)
            if pattern is None:
                return False
            if len(values) < ARN_PARTS:
                return _compiled(pattern, False).fullmatch(arn) is not None
            parts = _arn_parts(pattern)
        for part, value in zip(parts, values, strict=True):  # a third of the time of a generator
            if part != "*" and part != value and not _matches(part, value):
                return False
        return True

    def equals(self, value: str, context: Context, *, any_case: bool = False) -> bool:
        """Whether the value is the same, without wildcards."""
        text = self._filled(context)
        if text is None:
            return False
        text = _plain(text)
        return text.casefold() == value.casefold() if any_case else text == value

    def _filled(self, context: Context) -> str | None:
        """The text for fnmatch, its variables replaced; None when one has no value, which matches nothing.

        Wildcards in a variable's value are plain characters, and so are brackets everywhere.
        """
        if not self._is_filled:
            return self.text.replace("[", "[[]")
        text, end = "", 0
        for match in _VARIABLE.finditer(self.text):
            value = _value(match[1], context)
            if value is None:
                return None
            text += self.text[end : match.start()].replace("[", "[[]") + _quoted(value)
            end = match.end()
        return text + self.text[end:].replace("[", "[[]")


def _quoted(value: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", value)


def _plain(text: str) -> str:
    return re.sub(r"\[([*?[])\]", r"\1", text)


def _value(variable: str, context: Context) -> str | None:
    if variable in _LITERALS:
        return _LITERALS[variable]
    name, comma, default = variable.partition(",")
    value = context.get(name.strip().lower())
    if isinstance(value, str):
        return value
    return default.strip().strip("'") if comma else None


def _arn_parts(pattern: str) -> list[str]:
    parts = pattern.split(":", ARN_PARTS - 1)
    return parts + ["*"] * (ARN_PARTS - len(parts))


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern, False).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, any_case: bool) -> re.Pattern[str]:
    """The pattern as a regular expression that takes no longer than the value is long, times the pattern.

    What is in brackets stands for itself: fnmatch's way to quote.
    """
    return re.compile(fnmatch.translate(pattern), re.IGNORECASE if any_case else 0)
