"""A browser, and sites of synthetic archives for it. Without Chromium these tests are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.browser import Browser, browser
from tests.support.gallery.archive import Archive
from tests.support.gallery.site import Api, Site, served

WIDE = (1400, 900)
PHONE = (390, 844)


@dataclass(frozen=True)
class Gallery:
    """A site that the browser can open."""

    site: Site
    origin: str
    chromium: Browser

    def open(self, fragment: str, until: str, size: tuple[int, int] = WIDE, *, is_dark: bool = False) -> Any:
        """Open a page from nothing, as a link does, and wait for a JavaScript expression; returns its value."""
        self.chromium.resize(*size, is_dark=is_dark)
        self.chromium.open("about:blank")
        self.chromium.console()
        self.chromium.open(f"{self.origin}/app/index.html{fragment}")
        return self.chromium.wait(until)

    def module(self, source: str) -> str:
        """The URL of a module by its path in gallery/."""
        return self.site.url(source)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def make_gallery(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gallery]]:
    with ExitStack() as stack:

        def make(archive: Archive, api: Api | None = None) -> Gallery:
            site = Site(archive, tmp_path_factory.mktemp("site"), api)
            return Gallery(site, stack.enter_context(served(site)), chromium)

        yield make
