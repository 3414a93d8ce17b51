"""JSONata as Step Functions evaluates it: variables bound as data, AWS's own functions and limits, JSON results.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html: JSONata 2.0.6 without ``$eval``, with
``$partition``, ``$range``, ``$hash``, ``$random(seed)``, ``$uuid`` and ``$parse``. The engine is jlens, which follows
JSONata 2.2.2; what is newer than 2.0.6 is refused. The tests compare it with the reference engine, npm's `jsonata`.

moto 5.2.5 pastes every variable into the expression's text, which breaks on a quote in a string, and parses that text
at each evaluation. Here an expression is parsed once, and its variables are bound.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jlens import Expression, JlensError

TIME_LIMIT_S: Final = 5.0
"""AWS does not publish its limit; an expression that takes longer is taken to be endless."""

DEPTH_LIMIT: Final = 100
ARRAY_LIMIT: Final = 873_782
STRING_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Where AWS ends an evaluation, measured in us-east-1 with TestState: a chain of 100 additions and `[1..873782]`
pass, one more fails; a string of 2^22 characters passes, one of 2^23 fails
(https://github.com/floci-io/floci/issues/2737)."""

_LIMIT_MESSAGES: Final[Mapping[str, str]] = {
    "U1001": "Expression evaluation memory limit exceeded: Check for excessive memory usage",
    "D1011": "Stack overflow error: Check for non-terminating recursive function.  "
    "Consider rewriting as tail-recursive.",
    "D1012": "Expression evaluation timeout: Check for infinite loop",
}
"""What AWS says at its limits, without a code, by the engine's codes. The first was measured (same source), the others
are those of JSONata's own time box (https://github.com/jsonata-js/jsonata, test/run-test-suite.js)."""

_REFERENCE: Final = re.compile(r"\$([A-Za-z_]\w*)")

_NEWER_OPERATOR: Final = re.compile(
    r"""
    "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | /\*.*?\*/   # no operator inside
    | (?<!\() (?P<operator> \?(?=:) | \?(?=\?) )                  # but `(?:…)` belongs to a regular expression
    """,
    re.VERBOSE | re.DOTALL,
)
"""``?:`` and ``??``, which JSONata has since 2.1."""


class QueryError(Exception):
    """States.QueryEvaluationError: how AWS's sentence ends that begins with the expression and its field."""


class _ArgumentError(Exception):
    """An error of a function that Step Functions adds: code and message."""


class _TooLargeError(Exception):
    """A result of such a function is above the limit."""

    code = "U1001"


def names(expression: str) -> frozenset[str]:
    """Variables and functions that an expression may refer to, those in its string literals included."""
    return frozenset(_REFERENCE.findall(expression))


def evaluate(expression: str, variables: Mapping[str, Any], now_ms: int | None = None) -> Any:
    """The value of an expression as plain JSON data; `variables` maps names without ``$`` to JSON data.

    `now_ms` stops the clock, in milliseconds of the epoch. Raises :class:`QueryError` for syntax and runtime errors,
    and for a result that is undefined or a function.
    """
    bound = {"eval": None} | {name: variables[name] for name in names(expression) if name in variables}
    result = _run(expression, bound, now_ms)
    if result is not None:
        return json.loads(result)
    # Of a function, too, the engine returns nothing.
    if _run(f"$type({expression}\n)", bound, now_ms) == '"function"':
        raise QueryError("returned an unsupported result type.")
    raise QueryError("returned nothing (undefined).")


def syntax_error(expression: str) -> str | None:
    """What is wrong with the text of an expression, without the error's code; None if it parses."""
    try:
        _compile(expression)
    except (JlensError, _ArgumentError) as error:
        return _message(error).partition(": ")[2]
    return None


def reads_context(expression: str) -> Iterator[str]:
    """What a valid expression reads besides its variables: names of fields; ``$`` stands for all of the context."""
    read = _compile(expression).reads().get("input", {})
    yield from ("$",) if read is True else read


def _run(expression: str, bound: dict[str, Any], now_ms: int | None) -> str | None:
    try:
        return _compile(expression).evaluate_json(
            None,
            bound,
            timeout=TIME_LIMIT_S,
            max_depth=DEPTH_LIMIT,
            max_array_length=ARRAY_LIMIT,
            max_string_length=STRING_LIMIT_BYTES,
            now=now_ms,
        )
    except (JlensError, _ArgumentError, _TooLargeError) as error:
        limit = _LIMIT_MESSAGES.get(getattr(error, "code", ""))
        reason = f": {limit}" if limit else f". {_message(error)}"
        raise QueryError(f"threw an error during evaluation{reason}") from error
    except (TypeError, ValueError) as error:  # data that the engine does not take, such as 1000 lists in each other
        raise QueryError(f"threw an internal error during evaluation. {error}") from error


@lru_cache(maxsize=4096)
def _compile(expression: str) -> Expression:
    compiled = Expression(expression)
    for match in _NEWER_OPERATOR.finditer(expression):
        if match["operator"]:
            symbol = expression[match.start() + 1]
            raise _ArgumentError(f'S0211: The symbol "{symbol}" cannot be used as a unary operator')
    for name, (function, signature) in _FUNCTIONS.items():
        compiled.register_function(name, function, signature)
    return compiled


def _message(error: Exception) -> str:
    return f"{error.code}: {error}" if isinstance(error, JlensError) else str(error)


# --- functions that Step Functions adds -------------------------------------------------------------------------------
# Undefined arguments arrive as None, null ones are refused by the signature; None returned is undefined, so
# `$parse('null')` yields nothing where AWS yields null. What the Developer Guide leaves open
# follows what AWS was measured to do: https://github.com/floci-io/floci/pull/2676, and LocalStack's recordings of AWS
# (tests/aws/services/stepfunctions/v2/intrinsic_functions).


def _partition(values: Any, size: float | None = None) -> Any:
    if values is None or values == []:
        return None
    if not isinstance(values, list):
        raise _ArgumentError('T0412: Argument 1 of function "partition" must be an array of undefined')
    if size is None:
        return [values]
    step = int(size)
    if step < 0:
        raise _ArgumentError("D3137: Second argument must be zero or greater")
    return [values[start : start + step] for start in range(0, len(values), step)] if step else None


def _range(first: float | None, last: float | None, delta: float | None = None) -> Any:
    if first is None or last is None:
        raise _mismatch("range", 1 if first is None else 2)
    start, end, step = int(first), int(last), int(delta or 0)
    if not step:
        return None
    values = range(start, end + (1 if step > 0 else -1), step)
    if len(values) > ARRAY_LIMIT:
        raise _TooLargeError
    return values[0] if len(values) == 1 else list(values) or None


def _hash(text: str | None, algorithm: str | None = None) -> str | None:
    if text is None:
        raise _mismatch("hash", 1)
    if algorithm is None:
        return None
    if algorithm not in ("SHA-1", "SHA-384", "SHA-256", "SHA-512", "MD5"):
        known = "SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        raise _ArgumentError(f"D3137: Hash algorithm '{algorithm}' must be one of {known}")
    return hashlib.new(algorithm.replace("SHA-", "sha"), text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: float | None = None) -> float:
    """AWS's is java.util.Random: nextDouble takes the upper 26 and 27 bits of two steps of its generator."""
    if seed is None:
        return random.random()  # noqa: S311 - as random as AWS promises
    multiplier, mask = 0x5DEECE66D, (1 << 48) - 1
    first = (((int(seed) ^ multiplier) & mask) * multiplier + 0xB) & mask
    second = (first * multiplier + 0xB) & mask
    return float((first >> 22 << 27) + (second >> 21)) / (1 << 53)


def _uuid() -> str:
    return str(uuid.uuid4())


def _parse(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except ValueError as error:
        raise _ArgumentError("D3137: Invalid JSON") from error


def _mismatch(function: str, number: int) -> _ArgumentError:
    return _ArgumentError(f'T0410: Argument {number} of function "{function}" does not match function signature')


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _refuse("a key that appears twice")


def _refuse(what: str) -> Any:
    raise ValueError(what)


_FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], str]]] = {
    "partition": (_partition, "<x?n?:x>"),
    "range": (_range, "<n?n?n?:x>"),
    "hash": (_hash, "<s?s?:s>"),
    "random": (_random, "<n?:n>"),
    "uuid": (_uuid, "<:s>"),
    "parse": (_parse, "<s?:x>"),
}
