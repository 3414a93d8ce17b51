"""The search box: words that were said, seen or read, and the second at which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.gallery.conftest import Gallery
from tests.support.gallery.archive import Archive

pytestmark = pytest.mark.slow

COMPLETE = "document.querySelector('[role=status]')?.textContent.match(/^[\\d,]+ recordings?$/)"


@pytest.fixture(scope="module")
def gallery(make_gallery: Callable[..., Gallery]) -> Gallery:
    return make_gallery(Archive(200, 3))


def _saying(gallery: Gallery, phrase: str) -> set[str]:
    archive = gallery.site.archive
    return {
        entry["asset"]
        for entry in archive.entries
        if any(phrase in text for _, text in archive.words(entry["asset"]).get("speech", ()))
    }


def _assets(gallery: Gallery) -> list[str]:
    hashes = gallery.chromium.run("return [...document.querySelectorAll('.hit-picture')].map(link => link.hash)")
    return [text.removeprefix("#/a/").split("?")[0] for text in hashes]


def test_a_spoken_word_leads_to_the_second_at_which_it_is_said(gallery: Gallery) -> None:
    gallery.open("#/", "document.querySelector('.card')")
    chromium = gallery.chromium
    chromium.run("document.querySelector('[type=search]').focus()")
    for letter in "grandmother":
        chromium.press(letter)
    chromium.wait("location.hash === '#/search?q=grandmother'")
    chromium.wait(COMPLETE)
    expected = _saying(gallery, "grandmother")
    shown = _assets(gallery)
    assert set(shown) == expected
    second = next(s for s, text in gallery.site.archive.words(shown[0])["speech"] if "grandmother" in text)
    assert chromium.run("return document.querySelector('mark').textContent") == "grandmother"
    chromium.run("document.querySelector('.moment').click()")
    playing = chromium.wait(
        "(video => video?.currentTime > 1 && !video.paused && video.currentTime)"
        "(document.querySelector('.view.main video'))"
    )
    assert second - 0.1 <= playing < second + 3


@pytest.mark.parametrize(
    ("query", "phrase"),
    [("ferr", "ferry"), ("cafe", "café"), ("grandmohter", "grandmother"), ("times worst", "worst of times")],
    ids=["a part of a word", "without an accent", "two letters swapped", "in another order"],
)
def test_words_match_as_people_type_them(gallery: Gallery, query: str, phrase: str) -> None:
    gallery.open(f"#/search?q={query}", COMPLETE)
    assert set(_assets(gallery)) == _saying(gallery, phrase)
    assert phrase in gallery.chromium.run("return document.querySelector('.moment-text').textContent")


def test_more_hits_than_fit_are_shown_on_request(gallery: Gallery) -> None:
    gallery.open("#/search?q=car", COMPLETE)
    number = int(gallery.chromium.run("return document.querySelector('main [role=status]').textContent").split()[0])
    assert len(_assets(gallery)) == 30 < number
    gallery.chromium.run("document.querySelector('.more .button').click()")
    gallery.chromium.wait(f"document.querySelectorAll('.hit').length === Math.min({number}, 90)")


def test_dates_devices_and_names_are_words_too(gallery: Gallery) -> None:
    entries: list[dict[str, Any]] = gallery.site.archive.entries
    day = entries[0]["captured_at"][:10]
    gallery.open(f"#/search?q={day}", COMPLETE)
    assert _assets(gallery) == [entry["asset"] for entry in entries if entry["captured_at"][:10] == day]
    gallery.open(f"#/search?q={day}%20rear", COMPLETE)
    assert _assets(gallery) == [
        e["asset"] for e in entries if e["captured_at"][:10] == day and e.get("camera") == "rear"
    ]
    gallery.open(f"#/search?q={entries[5]['name']}", COMPLETE)
    assert entries[5]["asset"] in _assets(gallery)
