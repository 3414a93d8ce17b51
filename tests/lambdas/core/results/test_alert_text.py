"""The text of an alert: the plan in words."""

from __future__ import annotations

from dataclasses import replace

from tests.support.dashcam_facts import ASSET, FACTS

from impp_lambdas.core.planning import plan
from impp_lambdas.core.results import alert_text


def words(**changes: object) -> str:
    facts = replace(FACTS, **changes)  # type: ignore[arg-type]
    return alert_text.planned(plan.make(ASSET, facts, "s3://b/k", "d", 120).to_dict())


def test_the_plan_of_a_profile_is_told_in_words() -> None:
    assert words(recording="routine") == (
        "Profile dashcam-routine, because it is a routine recording of a dash cam: labels and text by our models and"
        " Rekognition, speech by our model; proxy at once, web and mobile on request"
    )
    assert words(recording="event") == (
        "Profile dashcam-event, because it is an event of a dash cam: labels and text by our models and Rekognition,"
        " faces and moderation by our models, speech by Transcribe; web and mobile at once"
    )
    assert "; hls at once, web, mobile and youtube on request" in words(source="creator", recording="manual")
    assert words(kind="image", has_audio=False).endswith("faces and moderation by our models")


def test_a_plan_without_a_profile_has_no_line() -> None:
    assert alert_text.planned({}) == ""
    assert alert_text.planned({"profile": {"name": "silent", "why": "it is a test"}}) == (
        "Profile silent, because it is a test"
    )
