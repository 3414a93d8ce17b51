"""JSONata in a state machine: data is bound, not pasted; null is not undefined; AWS's functions; threads."""

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
        ("$range(0, 1, 0.25)", [0, 0.25, 0.5, 0.75, 1]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(3, 1, 1)", []),
        ('$hash("input data", "SHA-1")', "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("$parse('{\"a\": [null, 1]}')", {"a": [None, 1]}),
        ("$random(42) = $random(42)", True),
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
        ("function($x){$x}", "unsupported result type"),
        ("1 +", "S0207"),
        ('"a" + 1', "T2001"),
        ('$error("stop")', "stop"),
        ("$unknown(1)", "T1006"),
        ('$eval("1")', r"\$eval is not supported"),
        ('$parse("{")', r"\$parse"),
        ('$hash("x", "CRC")', "algorithm"),
        ("$range(0, 100000, 1)", "1000"),
        ("$partition([1], 0)", "positive"),
        ("($f := function($n){1 + $f($n)}; $f(0))", "recurses"),
    ],
)
def test_error(expression: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        evaluate(expression, VARIABLES)


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
