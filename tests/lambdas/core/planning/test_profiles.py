"""Profiles: the defaults, who gets which, and messages that list what is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.dashcam_facts import FACTS

from impp_lambdas.core.planning import profiles
from impp_lambdas.core.planning.profiles import ProfileError, Profiles

KEY = "originals/dashcam/car/2026/11/20/clip.mp4"


def test_the_defaults_are_these() -> None:
    defaults = profiles.defaults()
    assert list(defaults) == ["dashcam-routine", "dashcam-event", "parking", "phone", "creator", "audio", "photo"]
    routine, event = defaults["dashcam-routine"], defaults["dashcam-event"]
    assert routine.detectors == {"labels": "cascade", "text": "cascade"}
    assert (routine.speech, routine.renditions, routine.managed_usd_per_hour) == ("lambda", ("proxy",), 0.02)
    assert (event.speech, event.renditions) == ("transcribe", ("web", "mobile"))
    assert event.detectors["moderation"] == "lambda"
    assert (defaults["parking"].speech, defaults["creator"].renditions) == ("off", ("hls",))


@pytest.mark.parametrize(
    ("kind", "source", "recording", "name", "why"),
    [
        ("video", "dashcam", "routine", "dashcam-routine", "it is a routine recording of a dash cam"),
        ("video", "dashcam", "event", "dashcam-event", "it is an event of a dash cam"),
        ("video", "dashcam", "manual", "dashcam-event", "it is a recording that the driver started of a dash cam"),
        ("video", "dashcam", "parking", "parking", "it is a parking recording of a dash cam"),
        ("video", "phone", "manual", "phone", "its source is phone"),
        ("video", "creator", "manual", "creator", "its source is creator"),
        ("audio", "creator", "manual", "audio", "it has sound and no picture"),
        ("image", "dashcam", "event", "photo", "it is a photo"),
    ],
)
def test_kind_source_and_recording_choose(kind: str, source: str, recording: str, name: str, why: str) -> None:
    chosen = Profiles.of().choose(replace(FACTS, kind=kind, source=source, recording=recording), KEY)
    assert (chosen.name, chosen.why) == (name, why)
    assert chosen.profile == profiles.defaults()[name]


def test_the_first_rule_that_applies_decides() -> None:
    rules = [
        {"profile": "phone", "tag": {"key": "keep", "value": "yes"}},
        {"profile": "film", "prefix": "originals/dashcam/car/"},
        {"profile": "parking", "prefix": "originals/dashcam/"},
    ]
    known = Profiles.of({"film": {"base": "creator", "max_usd": 2}}, rules)
    assert known.reads_tags
    assert known.choose(FACTS, KEY).why == "a rule for the prefix originals/dashcam/car/"
    assert known.choose(FACTS, KEY).profile == replace(profiles.defaults()["creator"], max_usd=2)
    tagged = known.choose(FACTS, KEY, {"keep": "yes"})
    assert tagged.to_dict() == {"name": "phone", "why": "a rule for the tag keep=yes"}
    assert known.choose(FACTS, KEY, {"keep": "no"}).name == "film"
    assert known.choose(FACTS, "originals/phone/x.mp4").name == "dashcam-event"


def test_an_override_keeps_the_other_fields() -> None:
    engines = {"labels": "rekognition", "faces": "off"}
    known = Profiles.of({"dashcam-routine": {"detectors": engines, "keep_years": 2, "escalate": None}})
    chosen = known.choose(replace(FACTS, recording="routine"))
    expected = {"labels": "rekognition", "text": "cascade"}
    assert chosen.profile == replace(profiles.defaults()["dashcam-routine"], detectors=expected, keep_years=2)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "phone",
            {"detectors": {"labels": "birds"}},
            "profile phone: labels is 'birds'; allowed are off, lambda, rekognition, rekognition-video, cascade",
        ),
        (
            "phone",
            {"detectors": {"text": "aws"}},
            "profile phone: text is 'aws'; allowed are off, lambda, rekognition, rekognition-video, cascade",
        ),
        ("phone", {"detectors": {"birds": "off"}}, "profile phone has no detector 'birds'; allowed are labels, "),
        ("phone", {"speech": "rekognition"}, "profile phone: speech is 'rekognition'; allowed are off, lambda, tran"),
        ("phone", {"escalate": ["dogs"]}, "profile phone: escalate is 'dogs'; allowed are people, vehicles, text, "),
        ("phone", {"renditions": ["4k"]}, "profile phone: renditions is '4k'; allowed are proxy, web, mobile, youtu"),
        ("phone", {"interval_s": 0}, "profile phone: interval_s is 0; 0.1 to 3600 seconds are allowed"),
        ("phone", {"frames_interval_s": 0}, "profile phone: frames_interval_s is 0; 0.1 to 3600 seconds are allowed"),
        ("phone", {"max_frames": 0}, "profile phone: max_frames is 0; it must be a whole number from 1 on"),
        ("phone", {"max_usd": -1}, "profile phone: max_usd is -1; it must be 0 or more"),
        ("phone", {"colour": "red"}, "profile phone has no field 'colour'; allowed are captions, chapters, detectors"),
        ("drone", {"speech": "off"}, "profile drone: base is 'drone'; allowed are dashcam-routine, dashcam-event, "),
    ],
)
def test_a_wrong_profile_is_refused_with_what_is_allowed(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        Profiles.of({name: values})
    assert str(caught.value).startswith(message)


def test_labels_may_come_from_a_detector_of_the_users_own() -> None:
    known = Profiles.of({"phone": {"detectors": {"labels": "birds"}}}, custom_detectors=["birds"])
    assert known.by_name["phone"].detectors["labels"] == "birds"
    with pytest.raises(
        ProfileError, match="labels is 'bird'; allowed are off, lambda, rekognition, rekognition-video, cascade, birds"
    ):
        Profiles.of({"phone": {"detectors": {"labels": "bird"}}}, custom_detectors=["birds"])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"profile": "drone", "prefix": "x"}, "a rule names the profile 'drone'; allowed are dashcam-routine, "),
        ({"profile": "phone"}, "the rule for profile phone needs either a prefix or a tag"),
    ],
)
def test_a_wrong_rule_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        Profiles.of({}, [rule])
    assert str(caught.value).startswith(message)
