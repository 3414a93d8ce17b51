"""JSONata's edge cases in the local cloud and in the reference engine, in the version that Step Functions has."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.second_opinion import our_result, reference_results

CORPUS = Path(__file__).with_name("jsonata_corpus.txt")

DATA = {
    "none": None,
    "list": [1, None, 2],
    "empty": [],
    "eo": {},
    "obj": {"a": 1, "b": {"c": [{"d": 1}, {"d": 2}]}},
    "n": 3,
    "f": 2.5,
    "s": "text",
    "t": True,
    "rows": [{"k": "x", "v": 1}, {"k": "y", "v": 2}, {"k": "x", "v": 3}],
    "nested": [[1, 2], [3]],
}
VARIABLES = {"states": {"input": DATA, "context": {}}}

DIFFERENT = {
    # AWS has no $eval and says so in these words (github.com/floci-io/floci/issues/2737); the reference engine has it.
    '$eval("1+1")': "T1006",
    # AWS answers the text "Infinity" (same source). A state that fails instead cannot pass a wrong value on.
    "1 / 0": "D1001",
    "-1 / 0": "D1001",
    "1e308 * 10": "D1001",
    "[1/0]": "D1001",
    # AWS refuses this picture with this code (same source), the reference engine with a fault of its own.
    '$formatNumber(1, "x")': "D3086",
    # The clock of this comparison knows no picture.
    '$now("[Y0001]-[M01]-[D01]")': "2027-01-15",
    # The reference engine prints what is no date, a function's inside, 15 digits of a number that has more.
    "$fromMillis(1e16)": "D1001",
    '{"a": function(){1}}': "{}",
    "$string(123456789012345678)": "123456789012345680",
    "$string(9007199254740993)": "9007199254740992",
    '$encodeUrlComponent("\\uD800")': "%EF%BF%BD",
    # The same error, with a number or a limit written otherwise.
    "$power(1000, 1000)": "D3061",
    "$sqrt(-1)": "D3060",
    "$formatBase(2555, 1)": "D3100",
    "[0..10000001]": "D2014",
}
"""Expressions whose result is known to differ, and a part of ours."""


@pytest.mark.slow
def test_both_engines_agree_on_edge_cases() -> None:
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    expressions = [line for line in lines if not line.startswith("# ")]
    references = reference_results([(expression, VARIABLES) for expression in expressions])
    ours = {expression: our_result(expression, VARIABLES) for expression in expressions}
    different = {e: ours[e] for e, reference in zip(expressions, references, strict=True) if ours[e] != reference}
    assert different.keys() == DIFFERENT.keys()
    assert [e for e, part in DIFFERENT.items() if part not in different[e]] == []
