"""JSONata in a state machine: data is bound, not pasted; null is not undefined; AWS's functions and limits; threads.

Rows marked `recorded` are in LocalStack's recordings of AWS (tests/aws/services/stepfunctions/v2/intrinsic_functions);
the other rows about functions and limits that Step Functions adds were measured in us-east-1
(github.com/floci-io/floci/pull/2676 and issues/2737).
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from impp_local.services.stepfunctions.jsonata import QueryError, evaluate

VARIABLES: dict[str, Any] = {
    "states": {
        "input": {"text": 'he said "hi"\n\\ $now() {% %}', "none": None, "list": [1, None, 2], "empty": [], "n": 3},
        "context": {"Execution": {"Name": "e"}},
    },
    "media": {"asset": "a", "facts": {"duration_s": 12.5}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.text", 'he said "hi"\n\\ $now() {% %}'),
        ("$states.input.none", None),
        ("$states.input.none = null", True),
        ("$exists($states.input.none)", True),
        ("$exists($states.input.gone)", False),
        ("$states.input.list", [1, None, 2]),
        ("$states.input.empty", []),
        ("$states.input.n[$ > 2]", 3),
        ("$media.facts.duration_s * 2", 25),
        ('{"a": $states.input.none, "b": [$states.input.n]}', {"a": None, "b": [3]}),
        ("$merge([$media, {'asset': 'b'}]).asset", "b"),
        ("[1..4]", [1, 2, 3, 4]),
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([0], 1)", [[0]]),  # recorded
        ("$partition([1, 2])", [[1, 2]]),
        ("$range(0, 10, 3)", [0, 3, 6, 9]),  # recorded
        ("$range(1, 9, 9)", 1),  # recorded: a single element is no array
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(1.7, 3, 1)", [1, 2, 3]),
        ('$hash("input data", "SHA-1")', "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("$parse('{\"a\": [null, 1]}')", {"a": [None, 1]}),
        ("$parse('-0')", 0),  # recorded
        ("$random(42)", 0.7275636800328681),
        ("$length($uuid())", 36),
        ("$count(null)", 1),
        ("$exists($states.input.none)", True),
        ("$map(['[1]', '[2]'], $parse)", [[1], [2]]),
        ('"x" in $states.input.empty', False),
    ],
)
def test_value(expression: str, value: Any) -> None:
    assert evaluate(expression, VARIABLES) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("$states.input.gone", "returned nothing"),
        ("$states.input.gone.deeper", "returned nothing"),
        ("$range(3, 1, 1)", "returned nothing"),
        ("$range(1, 3, 0)", "returned nothing"),
        ("$partition([], 2)", "returned nothing"),
        ("$partition([1], 0)", "returned nothing"),
        ("$hash('x')", "returned nothing"),
        ("function($x){$x}", "unsupported result type"),
        ("1 +", "S0207"),
        ('"a" + 1', "T2001"),
        ('$error("stop")', "stop"),
        ("$unknown(1)", "T1006"),
        ('$eval("1")', "T1006: Attempted to invoke a non-function"),
        ("$randomSeeded(1)", "T1006: Attempted to invoke a non-function"),  # recorded
        ('$parse("{")', "D3137: Invalid JSON"),
        ('$parse(\'{"a": 1, "a": 2}\')', "D3137: Invalid JSON"),
        ("$parse(null)", 'T0410: Argument 1 of function "parse" does not match function signature'),
        ('$hash("x", "CRC")', "D3137: Hash algorithm 'CRC' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"),
        ("$range(1)", 'T0410: Argument 2 of function "range"'),
        ("$range('0', 4, 1)", 'T0410: Argument 1 of function "range"'),
        ("$range(0, 4, 1, 2)", 'T0410: Argument 4 of function "range"'),
        ("$partition([1], -1)", "D3137: Second argument must be zero or greater"),
        ("$uuid(1)", 'T0410: Argument 1 of function "uuid"'),
        ("[1..873783]", "evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage"),
        ("$range(0, 873783, 1)", "evaluation: Expression evaluation memory limit exceeded"),
        ("($f := function($n){1 + $f($n)}; $f(0))", "evaluation: Stack overflow error"),
        ("+".join("1" * 101), "evaluation: Stack overflow error"),
        ("$states.input.gone ?: 1", "S0211"),  # since JSONata 2.1; AWS has 2.0.6
        ("$states.input.gone ?? 1", "S0211"),
    ],
)
def test_error(expression: str, message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        evaluate(expression, VARIABLES)


def test_data_that_the_engine_does_not_take_is_an_error_of_the_query() -> None:
    nested: Any = []
    for _ in range(2000):
        nested = [nested]
    with pytest.raises(QueryError, match="internal error"):
        evaluate("$states", {"states": nested})
    assert evaluate("$states", {"states": "\ud800"}) == "\ufffd"


def test_uuid_is_a_random_one() -> None:
    first, second = evaluate("[$uuid(), $uuid()]", {})
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)


def test_result_shares_nothing_with_the_variables() -> None:
    given = {"states": {"input": {"list": [{"a": 1}]}}}
    evaluate("$states.input", given)["list"][0]["a"] = 2
    assert given == {"states": {"input": {"list": [{"a": 1}]}}}


def test_threads_do_not_see_each_others_variables() -> None:
    expression = "($half := function($x){$x / 2}; $sum($map($v, $half)) & ':' & $name)"

    def one(number: int) -> str:
        return str(evaluate(expression, {"v": list(range(number)), "name": f"n{number}"}))

    with ThreadPoolExecutor(16) as pool:
        numbers = [n % 40 + 2 for n in range(400)]
        for number, value in zip(numbers, pool.map(one, numbers), strict=True):
            total, name = value.split(":")
            assert (float(total), name) == (sum(range(number)) / 2, f"n{number}")
