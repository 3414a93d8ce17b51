"""Outcomes follow from the branches, with reasons in one line."""

from __future__ import annotations

from typing import Any

import pytest

from impp_lambdas.core.results import outcome, remedies

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
        (
            {"transcode": OK, "plan": {"is_sound_left_out": True}},
            [],
            [],
            "partial",
            f"transcode: {outcome.SOUND_LEFT_OUT}",
        ),
        (
            {"transcode": {"status": "skipped", "reason": "none"}, "plan": {"is_encoding_left_out": True}},
            [],
            [],
            "partial",
            f"transcode: {outcome.ENCODING_LEFT_OUT}",
        ),
        ({"transcode": OK, "plan": {"is_sound_left_out": False}}, [], [], "published", None),
        ({"transcode": OK, "plan": {"is_mirroring_left_out": True}}, [], [], "published", None),
        ({}, [], ["impp:state"], "partial", "tags: no room for impp:state, S3 allows 10 per object"),
        ({"sample": {**OK, "incomplete": "incomplete, because the time ran out"}}, [], [], "published", None),
        ({"sample": {**OK, "incomplete": "it is cut", "is_damaged": True}}, [], [], "partial", "sample: it is cut"),
    ],
)
def test_the_state_follows_from_the_branches(
    results: dict[str, Any], missing: list[str], tags: list[str], state: str, reason: str | None
) -> None:
    end = outcome.of_branches("process", None, results, missing, tags)
    assert (end.state, end.reason) == (state, reason)


@pytest.mark.parametrize(
    ("flag", "note"),
    [("is_mirroring_left_out", outcome.MIRRORING_LEFT_OUT), ("are_tracks_left_out", outcome.TRACKS_LEFT_OUT)],
)
def test_a_published_asset_says_what_its_renditions_lack(flag: str, note: str) -> None:
    end = outcome.of_branches("process", None, {"transcode": OK, "plan": {flag: True}}, [], [])
    assert (end.state, end.branches["transcode"]) == ("published", {**OK, "reason": note})


def test_a_recording_that_another_follows_is_partial() -> None:
    assert outcome.second_recording({"bytes": 50_000}) is None
    sentence = outcome.second_recording({"bytes": 50_000, "further_at": 20_000})
    end = outcome.of_branches("process", None, {"transcode": OK}, [], [], second_recording=sentence)
    what = "another recording begins at byte 20,000; its 30,000 bytes are kept, but neither shown nor searched"
    reason = f"original: {what}"
    assert (end.state, end.reason, end.branches) == ("partial", reason, {"transcode": OK})
    assert remedies.of(end.state, end.reason) == remedies.LEFT[outcome.FURTHER]


@pytest.mark.parametrize(
    ("length", "original", "is_wrong"),
    [(9.1, 10, False), (8.9, 10, True), (11.1, 10, True), (3550, 3600, False), (3500, 3600, True), (None, 10, False)],
)
def test_a_rendition_of_another_length_is_a_problem(length: float | None, original: float, is_wrong: bool) -> None:
    wrong = outcome.wrong_lengths([{"name": "web", "duration_s": length}], original)
    end = outcome.of_branches("process", None, {"transcode": OK}, [], [], wrong)
    several = f": {outcome.SEVERAL}" if length and length > original else ""
    reason = None
    if length and is_wrong:
        reason = f"transcode: web is {length:.1f} s long, its original {original:.1f} s{several}"
    assert (end.state, end.reason) == ("partial" if is_wrong else "published", reason)


def test_a_further_camera_may_have_recorded_longer_or_shorter() -> None:
    assert outcome.wrong_lengths([{"name": "proxy-2", "duration_s": 3.0}], 10) == []


def test_a_deferred_outcome_has_the_verdicts_reason_and_other_errors() -> None:
    end = outcome.of_branches("archive_only", "$9 of $9", {"archive": {"status": "failed", "error": "E"}}, [], [])
    assert (end.state, end.reason) == ("deferred", "$9 of $9; archive: E")


def test_an_asset_of_which_nothing_exists_is_quarantined() -> None:
    failed = {"status": "failed", "error": "Unreadable", "cause": '{"errorMessage": "it does not open"}'}
    end = outcome.of_branches("process", None, {"sample": failed, "archive": OK}, [], [], is_useful=False)
    assert (end.state, end.reason) == ("quarantined", outcome.NOTHING_MADE)
    assert end.detail == "it does not open"
    assert outcome.of_branches("process", None, {"archive": OK}, [], [], is_useful=False).state == "published"
    assert outcome.of_branches("archive_only", "$9", {"archive": OK}, [], [], is_useful=False).state == "deferred"


def test_a_video_without_a_picture_is_not_complete() -> None:
    blind = {**OK, "incomplete": "no picture of the video could be decoded", "frame_count": 0}
    end = outcome.of_branches("process", None, {"sample": blind, "transcode": OK}, [], [])
    assert (end.state, end.reason) == ("partial", "sample: no picture of the video could be decoded")
