"""The page of an asset: player, cameras in sync, keyboard, lane, actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.gallery.conftest import PHONE, Gallery
from tests.support.gallery.archive import Archive
from tests.support.gallery.site import example_api

pytestmark = pytest.mark.slow

READY = "document.querySelector('.view.main video')?.readyState >= 2"
TIME = "document.querySelector('.view.main video').currentTime"


@pytest.fixture(scope="module")
def requests() -> list[dict[str, Any]]:
    return []


@pytest.fixture(scope="module")
def gallery(make_gallery: Callable[..., Gallery], requests: list[dict[str, Any]]) -> Gallery:
    def api(path: str, request: dict[str, Any] | None) -> Any:
        if request:
            requests.append(request)
        return example_api(path, request)

    return make_gallery(Archive(200, 1), api)


@pytest.fixture(scope="module")
def entry(gallery: Gallery) -> dict[str, Any]:
    """A clip with two more cameras, in which something is said."""
    archive = gallery.site.archive
    moments = Counter(entry["captured_at"] for entry in archive.entries if entry["state"] == "published")
    return next(
        entry
        for entry in archive.entries
        if moments[entry["captured_at"]] == 3
        and entry.get("camera") == "front"
        and "speech" in archive.words(entry["asset"])
    )


def test_a_link_to_a_second_plays_from_there_with_all_cameras_in_step(gallery: Gallery, entry: dict[str, Any]) -> None:
    gallery.open(f"#/a/{entry['asset']}?t=1.5", f"{READY} && document.querySelectorAll('.view').length === 3")
    chromium = gallery.chromium
    first = chromium.wait(f"{TIME} > 0 && {TIME}")
    assert 1.4 <= first < 8, "not from the start; a busy machine asks late"
    spread = "Math.max(...times) - Math.min(...times)"
    times = "[...document.querySelectorAll('.view video')].map(video => video.currentTime)"
    chromium.wait(f"{TIME} > {first} + 0.3 && (times => {spread} < 0.25)({times})")
    chromium.run("document.querySelector('.view-select').click()")
    chromium.wait("document.querySelector('.view.main .view-name').textContent !== 'front'")
    chromium.wait(f"{TIME} > {first} + 0.3")  # another camera leads at the same time
    muted = "[...document.querySelectorAll('.view video')].map(video => video.muted)"
    assert sorted(chromium.run(f"return {muted}")) == [False, True, True], "one of them is heard"
    chromium.press("k")
    chromium.press("2")
    chromium.wait(f"{times}.every(time => Math.abs(time - 2.8) < 0.1)")


def test_both_tracks_of_a_dual_camera_are_shown(gallery: Gallery, entry: dict[str, Any]) -> None:
    """The manifest comes from a site, whose files a test may not change: the page changes it when it is read."""
    gallery.open("#/", "document.querySelector('main')")
    gallery.chromium.run(
        f"""
        const real = window.fetch;
        window.fetch = async (url, ...rest) => {{
          const response = await real(url, ...rest);
          if (!String(url).includes('{entry["asset"]}/manifest.json')) return response;
          const manifest = await response.json();
          manifest.facts.camera = null;
          manifest.renditions.push({{ ...manifest.renditions[0], name: 'proxy-2' }});
          return new Response(JSON.stringify(manifest));
        }};
        location.hash = '#/a/{entry["asset"]}';
        """
    )
    gallery.chromium.wait(f"{READY} && document.querySelectorAll('.view').length === 2")
    names = "return [...document.querySelectorAll('.view-name')].map(name => name.textContent)"
    assert gallery.chromium.run(names)[1] == "track 2"


def test_the_keys_of_other_players_work(gallery: Gallery, entry: dict[str, Any]) -> None:
    gallery.open(f"#/a/{entry['asset']}", READY)
    chromium = gallery.chromium

    def press(key: str, condition: str) -> None:
        chromium.press(key)
        chromium.wait(condition)

    paused = "document.querySelector('.view.main video').paused"
    press("k", f"!{paused}")
    press(" ", paused)
    press("5", f"Math.abs({TIME} - 7) < 0.1")
    press("l", f"Math.abs({TIME} - 14) < 0.1")
    press("j", f"Math.abs({TIME} - 4) < 0.1")
    press("ArrowRight", f"Math.abs({TIME} - 9) < 0.1")
    press("ArrowLeft", f"Math.abs({TIME} - 4) < 0.1")
    press(".", f"Math.abs({TIME} - 4 - 1 / 15) < 0.005")
    press(",", f"Math.abs({TIME} - 4) < 0.005")
    press("m", "document.querySelector('.view.main video').muted")
    press("c", "document.querySelector('.view.main video').textTracks[0].mode === 'showing'")
    press(">", "document.querySelector('.view.main video').playbackRate === 1.5")
    press("f", "document.fullscreenElement?.classList.contains('stage')")
    press("f", "!document.fullscreenElement")
    press("?", "document.querySelector('dialog').open")
    press("l", f"Math.abs({TIME} - 4) < 0.005 && document.querySelector('dialog').open")


def test_the_lane_and_the_transcript_lead_to_their_seconds(gallery: Gallery, entry: dict[str, Any]) -> None:
    gallery.open(f"#/a/{entry['asset']}", f"{READY} && document.querySelector('.cue')")
    chromium = gallery.chromium
    words = gallery.site.archive.words(entry["asset"])
    label, first, _ = max(words["labels"], key=lambda span: span[1])
    chromium.run("document.querySelector(`.lane-span[aria-label^='${arguments[0]}, at']`).click()", label)
    chromium.wait(f"Math.abs({TIME} - {first}) < 0.1")
    second, phrase = words["speech"][1]
    chromium.run(
        "[...document.querySelectorAll('.cue')].find(cue => cue.textContent.includes(arguments[0])).click()", phrase
    )
    chromium.wait(f"Math.abs({TIME} - {second}) < 0.1 && document.querySelector('.cue.current')")
    assert phrase in chromium.run("return document.querySelector('.cue.current').textContent")
    chromium.run("[...document.querySelectorAll('.toolbar .button')][0].click()")
    copied = chromium.wait(
        "document.querySelector('.copy')?.value || document.querySelector('.toolbar [role=status]').textContent"
    )
    assert f"t={second:g}" in copied or "Copied, at 0:05" in copied


def test_actions_quote_first_and_are_done_once(
    gallery: Gallery, entry: dict[str, Any], requests: list[dict[str, Any]]
) -> None:
    requests.clear()
    gallery.open(f"#/a/{entry['asset']}", "document.querySelector('.action .price')")
    assert [request["dry_run"] for request in requests] == [True], "a visit costs nothing, and asks once"
    chromium = gallery.chromium
    chromium.run("document.querySelector('.actions .quiet').click()")
    chromium.wait("[...document.querySelectorAll('.action .button')].some(b => b.textContent.startsWith('Render web'))")
    assert all(request["dry_run"] for request in requests)
    texts = chromium.run("return [...document.querySelectorAll('.action .button')].map(button => button.textContent)")
    assert [text for text in texts if text.startswith("Render web")] == ["Render web $0.012, 3 min"]
    requests.clear()
    chromium.run(
        "[...document.querySelectorAll('.action .button')].find(b => b.textContent.startsWith('Render web')).click()"
    )
    chromium.wait(
        "[...document.querySelectorAll('.action [role=status]')].some(one => one.textContent.startsWith('Ready in'))"
    )
    assert [(r["action"], r["assets"], r["options"], r["dry_run"]) for r in requests] == [
        ("render", [entry["asset"]], {"renditions": ["web"]}, False)
    ]


def test_an_action_that_is_refused_says_why_and_so_does_a_hold(gallery: Gallery, entry: dict[str, Any]) -> None:
    entry["held_since"] = "2026-11-20T10:00:00Z"
    gallery.site.update()
    gallery.open(f"#/a/{entry['asset']}?when=2026-11", "document.querySelector('.actions .quiet')")
    chromium = gallery.chromium
    chromium.run("document.querySelector('.actions .quiet').click()")
    texts = "[...document.querySelectorAll('.action')].filter(one => one.querySelector('button').disabled)"
    refused = chromium.wait(f"{texts}[0]?.innerText")
    assert refused.startswith("Render mobile") and "The month's budget is spent" in refused
    assert "On hold since" in chromium.run("return document.querySelector('.details').innerText").replace("\n", " ")
    gallery.open("#/", "document.querySelector('.card')")
    assert "On hold" in chromium.run(
        "return document.querySelector(`.card[href*='${arguments[0]}']`).innerText", entry["asset"]
    )


def test_without_a_function_behind_api_there_are_no_actions(make_gallery: Callable[..., Gallery]) -> None:
    gallery = make_gallery(Archive(20, 1))
    entry = gallery.site.archive.first(state="published", kind="video")
    gallery.open(f"#/a/{entry['asset']}", "document.querySelector('.details')")
    gallery.chromium.wait(
        "performance.getEntriesByType('resource').some(one => one.name.includes('/api/') && one.responseEnd)"
    )
    assert not gallery.chromium.run("return document.querySelector('.action')")


def test_what_failed_can_be_processed_again(gallery: Gallery, requests: list[dict[str, Any]]) -> None:
    failed = next(e for e in gallery.site.archive.entries if e["state"] in ("failed", "quarantined", "deferred"))
    requests.clear()
    gallery.open(f"#/a/{failed['asset']}", "document.querySelector('.action .price')")
    chromium = gallery.chromium
    assert (
        chromium.run("return document.querySelector('.action .button').textContent") == "Process it again $0.012, 3 min"
    )
    chromium.run("document.querySelector('.action .button').click()")
    chromium.wait("document.querySelector('.action [role=status]').textContent.startsWith('Ready in')")
    assert [(one["action"], one["dry_run"]) for one in requests] == [("replay", True), ("replay", False)]


@pytest.mark.parametrize(("limit", "label"), [({"most_usd": 2.5}, "up to $2.50, 12 h"), ({}, "price unknown, 12 h")])
def test_what_was_never_quoted_says_so_with_its_limit(
    make_gallery: Callable[..., Gallery], limit: dict[str, float], label: str
) -> None:
    message = "process it at a price that is known once it is inspected: it was rejected (corrupt) before it was quoted"

    def api(path: str, request: dict[str, Any] | None) -> Any:
        row = {"asset": "a", "status": "would", "message": message, "ready_in_s": 43_200, **limit}
        return {"results": [row], "usd": 0.0} if request else example_api(path, request)

    gallery = make_gallery(Archive(60, 1), api)
    rejected = next(e for e in gallery.site.archive.entries if e["state"] in ("failed", "quarantined", "deferred"))
    gallery.open(f"#/a/{rejected['asset']}", "document.querySelector('.action .price')")
    text = gallery.chromium.run("return document.querySelector('.action').innerText").replace("\n", " ")
    assert label in text and "rejected (corrupt) before it was quoted." in text


def test_on_a_phone_the_storage_table_fits_or_can_be_moved_by_the_keyboard(gallery: Gallery) -> None:
    entry = gallery.site.archive.first(camera="front", state="published", says=True)
    gallery.open(f"#/a/{entry['asset']}", "document.querySelector('.outlook')", PHONE)
    tiny = "document.querySelectorAll('.outlook td').forEach(cell => { cell.textContent = '$0.000085'; });"
    scroll = "const box = document.querySelector('.scroll'); return "
    assert gallery.chromium.run(f"{tiny}{scroll}box.scrollWidth <= box.clientWidth")
    assert gallery.chromium.run(f"{scroll}[box.tabIndex, box.getAttribute('role')]") == [0, "region"]


def test_what_was_not_published_says_why_and_what_to_do(gallery: Gallery) -> None:
    failed = next(e for e in gallery.site.archive.entries if e["state"] in ("failed", "quarantined", "deferred"))
    gallery.open(f"#/a/{failed['asset']}", "document.querySelector('.state')")
    text = gallery.chromium.run("return document.querySelector('main').innerText")
    assert failed["reason"] in text
    assert failed["todo"] in text
    gallery.open("#/problems", "document.querySelector('.problem')")
    assert failed["reason"] in gallery.chromium.run("return document.querySelector('main').innerText")


def test_money_shows_the_month_the_forecast_and_the_budget(gallery: Gallery) -> None:
    gallery.open("#/money", "document.querySelectorAll('.bars').length === 2")
    text = gallery.chromium.run("return document.querySelector('main').textContent")
    for part in ("$6.35", "$6.90", "$20.00", "32 % used", "rekognition", "2026-11-03"):
        assert part in text
