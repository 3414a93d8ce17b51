"""Which originals need no rendition."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.dashcam_facts import FACTS

from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.results.playable import original_playable

FILM = replace(FACTS, pixel_format="4:2:0 8-bit")
PHOTO = replace(FACTS, kind="image", video_codec=None, audio_codec=None, has_audio=False, container="jpeg")


@pytest.mark.parametrize(
    ("facts", "storage_class", "why"),
    [
        (FILM, "GLACIER_IR", "browsers play h264 and aac in mp4"),
        (replace(FILM, rotation=90), None, "browsers play h264 and aac in mp4"),
        (
            replace(FILM, container="webm", video_codec="vp9", audio_codec="opus"),
            None,
            "browsers play vp9 and opus in webm",
        ),
        (replace(FILM, audio_codec=None, has_audio=False), None, "browsers play h264 in mp4"),
        (
            replace(PHOTO, kind="audio", audio_codec="mp3", has_audio=True, container="mp3"),
            None,
            "browsers play mp3 in mp3",
        ),
        (PHOTO, "INTELLIGENT_TIERING", "browsers play jpeg"),
    ],
)
def test_what_all_browsers_play_is_offered_as_it_is(facts: Facts, storage_class: str | None, why: str) -> None:
    assert original_playable(facts.to_dict(), storage_class) == {"playable": True, "why": why}


@pytest.mark.parametrize(
    ("facts", "storage_class", "why"),
    [
        (FILM, "DEEP_ARCHIVE", "DEEP_ARCHIVE has to be restored first"),
        (replace(FILM, container="quicktime"), None, "the container quicktime"),
        (replace(FILM, video_codec="hevc"), None, "hevc in mp4"),
        (replace(FILM, audio_codec="ac3"), None, "ac3 in mp4"),
        (replace(FILM, pixel_format="4:2:2 10-bit"), None, "the picture is 4:2:2 10-bit"),
        (FACTS, None, "of unknown format"),
        (replace(FILM, is_mirrored=True), None, "do not mirror"),
        (replace(PHOTO, container="heic"), None, "heic"),
    ],
)
def test_what_one_of_them_does_not_play_says_why(facts: Facts, storage_class: str | None, why: str) -> None:
    answer = original_playable(facts.to_dict(), storage_class)
    assert not answer["playable"] and why in answer["why"]
