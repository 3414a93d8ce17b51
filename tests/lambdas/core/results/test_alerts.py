"""Alerts: subjects that SNS accepts, titles, links and shortened texts."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.core.results import alert_text, alerts


@given(st.text(max_size=300))
def test_any_title_becomes_a_subject_that_sns_accepts(title: str) -> None:
    subject = alerts.subject(title)
    assert 0 < len(subject) < 100
    assert subject.isascii() and subject.isprintable()


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
    assert alert_text.shorten("a  b\nc", 10) == "a b c"
    assert alert_text.shorten("word " * 10, 12) == "word word…"
