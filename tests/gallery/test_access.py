"""Who sees what: denied links, shared pages, hostile names, other hosts; and everybody can use it (axe-core)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.gallery.conftest import PHONE, WIDE, Gallery
from tests.support import node_packages
from tests.support.gallery.archive import HOSTILE, Archive
from tests.support.gallery.site import example_api
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gallery(make_gallery: Callable[..., Gallery]) -> Gallery:
    return make_gallery(Archive(150, 2), example_api)


@pytest.fixture(scope="module")
def hostile(make_gallery: Callable[..., Gallery]) -> Gallery:
    return make_gallery(Archive(150, 2, is_hostile=True), example_api)


@pytest.fixture
def denied(gallery: Gallery) -> Iterator[Gallery]:
    gallery.site.denies = ("/index", "/api")
    yield gallery
    gallery.site.denies = ()


def test_an_expired_link_is_told_apart_from_an_empty_archive(denied: Gallery) -> None:
    for fragment in ("#/", "#/search?q=car", "#/problems", "#/money", f"#/a/{'0' * 20}"):
        denied.open(fragment, "document.querySelector('.denied')")
        assert "impp open" in denied.chromium.run("return document.body.innerText")


@pytest.mark.parametrize("name", ["constructor", "__proto__", "nowhere"])
def test_an_address_of_no_page_shows_the_timeline(gallery: Gallery, name: str) -> None:
    gallery.open(f"#/{name}", "document.querySelector('main a[href^=\"#/a/\"]')")


def test_a_shared_page_reads_its_assets_alone(denied: Gallery) -> None:
    entry = denied.site.archive.first(camera="front", state="published", says=True)
    ready = "document.querySelector('video')?.readyState >= 2"
    denied.open(f"#/shared/{entry['asset']}?part=3-6", ready)
    chromium = denied.chromium
    chromium.run("document.querySelector('.controls .icon-button').click()")
    stopped = chromium.wait(
        "(video => video.paused && video.currentTime > 5.5 && video.currentTime)(document.querySelector('video'))"
    )
    assert stopped < 10, "it stops near the end of the part, not at that of the clip, which is 14 s long"
    requests = denied.site.requests
    opened = max(at for at, path in enumerate(requests) if path == "/app/index.html")  # the page before asks until then
    paths = {path for path in requests[opened:] if not path.startswith("/app/")}
    assert paths and all(path.startswith(f"/assets/{entry['asset']}/") for path in paths), paths
    assert chromium.run("return document.querySelectorAll('nav, [role=search], .downloads, main a').length") == 0
    denied.open(f"#/shared/{entry['asset']}?download=1", ready)
    assert chromium.wait("document.querySelectorAll('.downloads a[download]').length") >= 2


def test_a_revoked_share_shows_nothing_to_a_browser_that_was_there_before(denied: Gallery) -> None:
    entry = denied.site.archive.first(camera="front", state="published", says=True)
    shared = f"#/shared/{entry['asset']}"
    denied.open(shared, "document.querySelector('video')?.readyState >= 2")
    denied.site.denies = ("/index", "/api", f"/assets/{entry['asset']}/")
    denied.open(shared, "document.querySelector('.denied')")
    assert not denied.chromium.run("return document.querySelector('video')")


@pytest.mark.parametrize("page", ["timeline", "asset", "search", "problems", "shared"])
def test_names_and_transcripts_are_text_whatever_they_hold(hostile: Gallery, page: str) -> None:
    archive = hostile.site.archive
    asset = archive.first(name=HOSTILE, state="published", says=True, kind="video")["asset"]
    fragment, until = {
        "timeline": ("#/", "document.querySelector('.card')"),
        "asset": (f"#/a/{asset}", "document.querySelector('.cue')"),
        "search": ("#/search?q=script", "document.querySelector('.moment')"),
        "problems": ("#/problems", "document.querySelector('.problem')"),
        "shared": (f"#/shared/{asset}", "document.querySelector('.cue')"),
    }[page]
    hostile.open(fragment, until)
    if page != "timeline":
        hostile.chromium.wait("document.querySelector('main').textContent.includes('<script>window.hacked')")
    assert hostile.chromium.run(
        "return [window.hacked, document.querySelectorAll('main script, img[src=x]').length]"
    ) == [None, 0]


SCREENSHOTS = REPOSITORY / "build" / "screenshots"
"""For people to look at; continuous integration keeps them for a week."""
PAGES = {
    "timeline": ("#/", "document.querySelectorAll('.card img').length > 5"),
    "asset": ("#/a/{asset}", "document.querySelector('.cue') && document.querySelector('.action')"),
    "search": ("#/search?q=cyclist", "document.querySelector('.moment')"),
    "problems": ("#/problems", "document.querySelector('.problem')"),
    "money": ("#/money", "document.querySelectorAll('.bars').length === 2"),
    "shared": ("#/shared/{asset}?download=1", "document.querySelector('.downloads')"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("size", "is_dark"), [(WIDE, False), (PHONE, True)], ids=["wide and light", "phone and dark"])
def test_axe_finds_no_violation_and_the_browser_no_error(
    gallery: Gallery, page: str, size: tuple[int, int], is_dark: bool
) -> None:
    fragment, until = PAGES[page]
    entry = gallery.site.archive.first(camera="front", state="published", says=True)
    gallery.open(fragment.format(asset=entry["asset"]), until, size, is_dark=is_dark)
    chromium = gallery.chromium
    axe = (node_packages.installed() / "axe-core" / "axe.min.js").read_text("utf-8")
    violations = chromium.run(
        axe + ";const { violations } = await window.axe.run(); "
        "return violations.map(one => [one.impact, one.id, one.nodes.slice(0, 3).map(node => node.html)])"
    )
    assert [violation for violation in violations if violation[0] in ("serious", "critical")] == []
    elsewhere = "performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin))"
    assert chromium.run(f"return {elsewhere}") == []
    assert chromium.console() == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    chromium.screenshot(SCREENSHOTS / f"{page}-{size[0]}.png")


def test_the_page_for_denied_requests_needs_no_script(gallery: Gallery) -> None:
    gallery.chromium.open(f"{gallery.origin}/assets/unknown/poster.jpg")
    gallery.chromium.wait("document.body.innerText.includes('impp open')")
    assert gallery.chromium.run("return getComputedStyle(document.querySelector('main')).maxWidth") == "544px"
