"""JSONata as Step Functions evaluates it: variables bound as data, AWS's own functions, limits, JSON results.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html

moto 5.2.5 pastes every variable into the expression's text, which breaks on a quote in a string, and parses that text
at each evaluation. Here an expression is parsed once, and its variables are bound. One lock guards the evaluator: it is
pure Python, so threads would not run at the same time anyway, and its parser keeps state.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from jsonata.jexception import JException  # type: ignore[import-untyped]
from jsonata.jsonata import Jsonata  # type: ignore[import-untyped]
from jsonata.utils import Utils  # type: ignore[import-untyped]

TIME_LIMIT_MS: Final = 5000
"""AWS does not publish its limit; an expression that takes longer is taken to be endless."""

RANGE_LIMIT: Final = 1000
"""Elements that ``$range`` may yield, as many as ``States.ArrayRange`` of JSONPath may (Step Functions Developer
Guide, "Intrinsic functions"); the guide names no other limit for JSONata."""

_REFERENCE: Final = re.compile(r"\$([A-Za-z_]\w*)")
_lock: Final = threading.RLock()


class QueryError(Exception):
    """States.QueryEvaluationError: the message says what went wrong, without naming state or field."""


def names(expression: str) -> frozenset[str]:
    """Variables and functions that an expression may refer to, those in its string literals included."""
    return frozenset(_REFERENCE.findall(expression))


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression as plain JSON data; `variables` maps names without ``$`` to JSON data.

    Raises :class:`QueryError` for syntax and runtime errors, and for a result that is undefined or a function.
    """
    with _lock:
        try:
            compiled = _compile(expression)
            frame = compiled.create_frame(compiled.environment)
            frame.set_runtime_bounds(TIME_LIMIT_MS, None)
            for name in names(expression):
                if name in variables:
                    frame.bind(name, _with_nulls(variables[name]))
                elif name in _FUNCTIONS:
                    frame.bind(name, Jsonata.JLambda(_FUNCTIONS[name]))
            Jsonata.CURRENT.jsonata = compiled
            result = compiled.evaluate(None, frame)
        except RecursionError as error:
            raise QueryError("The expression recurses too deeply") from error
        except (JException, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise QueryError(_message(error)) from error
        if result is None:
            raise QueryError("returned nothing (undefined)")
        return _plain(result)


@lru_cache(maxsize=4096)
def _compile(expression: str) -> Jsonata:
    compiled = Jsonata(expression)
    compiled.set_output_convert_nulls(False)  # otherwise undefined looks like null
    return compiled


def _message(error: Exception) -> str:
    if isinstance(error, JException):
        return f"{error.error}: {error}" if error.error not in str(error) else str(error)
    return f"{type(error).__name__}: {error}"


def _with_nulls(value: Any) -> Any:
    """A copy of JSON data with the evaluator's own null, because it takes None for undefined."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, Mapping):
        return {key: _with_nulls(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_nulls(element) for element in value]
    return value


def _plain(value: Any) -> Any:
    """The evaluator's value as JSON data that shares nothing with its input. Raises QueryError for functions."""
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Utils.RangeList):
        return list(range(value.a, value.b + 1))
    if isinstance(value, Mapping):
        return {str(key): _plain(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    raise QueryError("returned an unsupported result type")


# --- functions that Step Functions adds -------------------------------------------------------------------------------


def _partition(values: Any = None, size: Any = None, *_: Any) -> Any:
    if values is None:
        return None
    if not isinstance(values, list):
        values = [values]
    if not isinstance(size, (int, float)) or isinstance(size, bool) or int(size) < 1:
        raise QueryError("$partition: the second argument must be a positive integer")
    step = int(size)
    listed = list(values)
    return [listed[start : start + step] for start in range(0, len(listed), step)]


def _range(first: Any = None, last: Any = None, delta: Any = None, *_: Any) -> Any:
    numbers = (first, last, delta)
    if not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers) or not delta:
        raise QueryError("$range: needs a first and last number and a step other than zero")
    count = int((last - first) / delta) + 1 if (last - first) / delta >= 0 else 0
    if count > RANGE_LIMIT:
        raise QueryError(f"$range: yields more than {RANGE_LIMIT} elements")
    return [first + index * delta for index in range(count)]


def _hash(data: Any = None, algorithm: Any = "SHA-256", *_: Any) -> str | None:
    if data is None:
        return None
    known = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
    if algorithm not in known:
        raise QueryError(f"$hash: the algorithm must be one of {', '.join(known)}")
    text = data if isinstance(data, str) else json.dumps(_plain(data), separators=(",", ":"), ensure_ascii=False)
    return hashlib.new(known[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None, *_: Any) -> float:
    return (random if seed is None else random.Random(seed)).random()  # noqa: S311 - as random as AWS promises


def _uuid(*_: Any) -> str:
    return str(uuid.uuid4())


def _parse(text: Any = None, *_: Any) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise QueryError("$parse: the argument must be a string")
    try:
        return _with_nulls(json.loads(text))
    except ValueError as error:
        raise QueryError(f"$parse: {error}") from error


def _eval(*_: Any) -> Any:
    raise QueryError("$eval is not supported; use $parse to read JSON")


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": _uuid,
    "parse": _parse,
    "eval": _eval,
}

sys.setrecursionlimit(max(sys.getrecursionlimit(), 5000))  # the evaluator uses several frames for one step
