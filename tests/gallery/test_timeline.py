"""The timeline: days, months on demand, filters, storyboards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.gallery.conftest import PHONE, Gallery
from tests.support.gallery.archive import Archive

pytestmark = pytest.mark.slow

CARDS = "document.querySelectorAll('.card img').length > 5"
MOST_CARDS = 90
"""Cards that may exist at once: those in view and a screen or two around it."""


@pytest.fixture(scope="module")
def gallery(make_gallery: Callable[..., Gallery]) -> Gallery:
    return make_gallery(Archive(3000, 2))


def test_days_come_newest_first_and_months_as_the_reader_scrolls(gallery: Gallery) -> None:
    gallery.site.requests.clear()
    gallery.open("#/", CARDS)
    chromium = gallery.chromium
    documents = gallery.site.archive.documents()
    months = [f"/{row['path']}" for row in documents["index/shards.json"]["shards"]]
    assert [path for path in gallery.site.requests if path in months] == months[:1], "the newest month alone"
    parts = [f"/{row['path']}" for row in documents[months[0][1:]].get("shards", ())]
    assert [path for path in gallery.site.requests if path in parts] == parts[:1], "and of it the newest part"
    assert parts, "a month with more than a thousand recordings has been split"
    days = chromium.run("return [...document.querySelectorAll('.day')].map(day => day.firstChild.textContent)")
    assert days[0].strip() == "Saturday, November 28, 2026"
    last = gallery.site.archive.entries[-1]["asset"]
    most = chromium.run(
        """
        let most = 0;
        for (let end = performance.now() + 30000; performance.now() < end; ) {
            most = Math.max(most, document.querySelectorAll(".card").length);
            if (document.querySelector(`.card[href*="${arguments[0]}"]`)) return most;
            scrollTo(0, document.documentElement.scrollHeight);
            await new Promise(requestAnimationFrame);
        }
        throw new Error("the oldest recording never appears");
        """,
        last,
    )
    assert 0 < most < MOST_CARDS
    assert [path for path in gallery.site.requests if path in months] == months


def test_going_back_from_a_recording_shows_the_same_place(gallery: Gallery) -> None:
    gallery.open("#/", CARDS)
    chromium = gallery.chromium
    chromium.run("scrollTo(0, 3000)")
    href = chromium.wait(
        "[...document.querySelectorAll('.card')].find(card => card.getBoundingClientRect().top > 100)?.hash"
    )
    top = chromium.run(
        "return document.querySelector(`.card[href='${arguments[0]}']`).getBoundingClientRect().top", href
    )
    chromium.run("document.querySelector(`.card[href='${arguments[0]}']`).click()", href)
    chromium.wait("document.querySelector('main.asset') && scrollY === 0")
    chromium.run("history.back()")
    chromium.wait(f"document.querySelector(`.card[href='{href}']`)")
    assert (
        chromium.wait(f"scrollY > 0 && document.querySelector(`.card[href='{href}']`).getBoundingClientRect().top")
        == top
    )


def test_filters_narrow_the_timeline_and_are_part_of_the_address(gallery: Gallery) -> None:
    gallery.open("#/", CARDS)
    chromium = gallery.chromium
    chromium.run(
        """
        const select = [...document.querySelectorAll(".choice select")][1];
        select.value = "interior";
        select.dispatchEvent(new Event("change", { bubbles: true }));
        """
    )
    chromium.wait("location.hash === '#/?camera=interior' && document.querySelectorAll('.card').length > 3")
    shown = "[...document.querySelectorAll('.card')].every(card => card.textContent.includes('interior'))"
    chromium.wait(shown)
    gallery.open("#/?camera=interior&people=1", f"document.querySelectorAll('.card').length > 1 && {shown}")
    expected = [e for e in gallery.site.archive.entries if e.get("camera") == "interior" and e.get("people")]
    hrefs = chromium.run("return [...document.querySelectorAll('.card')].map(card => card.hash)")
    assert [href.split("?")[0] for href in hrefs] == [f"#/a/{entry['asset']}" for entry in expected[: len(hrefs)]]


def test_a_pointer_over_a_picture_scrubs_its_storyboard(gallery: Gallery) -> None:
    gallery.open("#/?camera=front", CARDS)
    chromium = gallery.chromium
    positions = []
    for part in (0.1, 0.9):
        chromium.run(
            """
            const box = document.querySelector(".scrub"), { left, width, top } = box.getBoundingClientRect();
            const at = { clientX: left + width * arguments[0], clientY: top + 5, pointerType: "mouse", bubbles: true };
            box.dispatchEvent(new PointerEvent("pointermove", at));
            """,
            part,
        )
        seconds = "0:01" if part == 0.1 else "0:12"
        chromium.wait(f"document.querySelector('.scrub-time')?.textContent === '{seconds}'")
        positions.append(chromium.run("return document.querySelector('.scrub-tile').style.backgroundPosition"))
    assert positions[0] != positions[1], "another tile of the storyboard"
    chromium.run("document.querySelector('.scrub').dispatchEvent(new PointerEvent('pointerleave'))")
    chromium.wait("!document.querySelector('.scrub-tile')")


def test_what_is_uploaded_meanwhile_appears_when_the_reader_comes_back(make_gallery: Callable[..., Gallery]) -> None:
    archive = Archive(60, 1)
    newest = archive.entries.pop(0)
    month = archive.months[newest["captured_at"][:7]]
    gallery = make_gallery(archive)
    gallery.open("#/", CARDS)
    assert not gallery.chromium.run("return document.querySelector(`.card[href*='${arguments[0]}']`)", newest["asset"])
    month.insert(0, newest)
    gallery.site.update()
    gallery.chromium.run("document.dispatchEvent(new Event('visibilitychange'))")
    gallery.chromium.wait(f"document.querySelector(`.card[href*='{newest['asset']}']`)")


def test_nothing_is_wider_than_a_phone(gallery: Gallery) -> None:
    entry = gallery.site.archive.first(camera="front", state="published", says=True)
    for fragment, until in (
        ("#/", CARDS),
        (f"#/a/{entry['asset']}", "document.querySelector('.transcript')"),
        ("#/search?q=cyclist", "document.querySelector('.moment')"),
        ("#/problems", "document.querySelector('.problem')"),
        ("#/money", "document.querySelector('.bars')"),
    ):
        gallery.open(fragment, until, PHONE)
        assert gallery.chromium.run("return document.documentElement.scrollWidth") == PHONE[0], fragment
