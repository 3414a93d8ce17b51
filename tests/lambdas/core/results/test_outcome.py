"""What people are told: outcomes, reasons, alerts; and the catalog's types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.adapters import attributes
from impp_lambdas.core.results import alerts, outcome, summary

OK = {"status": "ok"}


@pytest.mark.parametrize(
    ("results", "missing", "tags", "state", "reason"),
    [
        ({"analyze": OK}, [], [], "published", None),
        ({"transcribe": {"status": "skipped", "reason": "no speech"}}, [], [], "published", None),
        ({"analyze": {"status": "failed", "error": "E", "cause": "c"}}, [], [], "partial", "analyze: E: c"),
        ({"analyze": {**OK, "failed": {"text: X": 2}}}, [], [], "partial", "analyze: no response to 2 x text: X"),
        ({"transcode": OK}, ["web"], [], "partial", "transcode: not delivered: web"),
        ({"transcode": {"status": "failed", "error": "E"}}, ["web"], [], "partial", "transcode: E"),
        ({}, [], ["impp:state"], "partial", "tags: no room for impp:state, S3 allows 10 per object"),
        ({"sample": {**OK, "complete": False}}, [], [], "published", None),
    ],
)
def test_the_state_follows_from_the_branches(
    results: dict[str, Any], missing: list[str], tags: list[str], state: str, reason: str | None
) -> None:
    found = outcome.of_branches("process", None, results, missing, tags)
    assert (found.state, found.reason) == (state, reason)


def test_a_deferred_outcome_has_the_verdicts_reason_and_other_errors() -> None:
    found = outcome.of_branches("archive_only", "$9 of $9", {"archive": {"status": "failed", "error": "E"}}, [], [])
    assert (found.state, found.reason) == ("deferred", "$9 of $9; archive: E")


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        ("ValueError", '{"errorMessage": "a\\nb", "errorType": "ValueError", "stackTrace": []}', "ValueError: a b"),
        ("X", '{"errorMessage": "cut in the mid', "X: cut in the mid"),
        ("X", '{"errorMessage": "whole", "stackTrace": ["cut', "X: whole"),
        ("States.Timeout", None, "States.Timeout"),
        (None, "only this", "only this"),
        (None, None, "no cause given"),
    ],
)
def test_a_cause_is_shortened_to_one_line(error: str | None, cause: str | None, text: str) -> None:
    assert outcome.explain(error, cause) == text


@given(st.text(max_size=300))
def test_any_title_becomes_a_subject_that_sns_accepts(title: str) -> None:
    found = alerts.subject(title)
    assert 0 < len(found) < 100
    assert found.isascii() and found.isprintable()


def test_an_alert_names_the_file_and_links_the_execution() -> None:
    arn = "arn:aws:states:us-east-1:123456789012:execution:impp-dev-pipeline:run"
    alert = alerts.of_asset(
        "quarantined", "a", "originals/x/ü.mp4", ["empty", "", "two"], alerts.execution_link(arn), 0.1
    )
    assert (alert.severity, alert.title, alert.text) == ("critical", "Quarantined: ü.mp4", "empty\ntwo")
    assert alert.links[0]["url"].endswith(f"details/{arn}")
    assert alerts.subject(alert.title) == "Quarantined: ?.mp4"
    json.dumps(alert.to_dict())


def test_a_text_is_cut_at_a_word() -> None:
    assert summary.shorten("a  b\nc", 10) == "a b c"
    assert summary.shorten("word " * 10, 12) == "word word…"


VALUES = st.recursive(
    st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_items_survive_the_round_trip(values: dict[str, Any]) -> None:
    assert attributes.plain_item(attributes.item(values)) == values


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1}])
def test_values_without_an_attribute_type_are_rejected(value: Any) -> None:
    with pytest.raises(TypeError):
        attributes.attribute(value)
