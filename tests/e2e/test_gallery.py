"""From the card to the second: the edge uploads, the gallery lists, finds and plays, behind CloudFront's signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.browser import Browser, browser
from tests.support.local_cloud import wait_until
from tests.support.media_clips import street
from tests.support.system import System

from impp_cli.aws import Account
from impp_cli.sharing.links import Links
from impp_local.demo import card, environment, stages
from impp_local.kernel import moto, objects

pytestmark = pytest.mark.slow

CLIP = "Camera/PXL_20261120_101500123.mp4"
WORD, SPOKEN_S = "foolishness", (3.0, 9.0)
"""A word of the reading, and the seconds in which the sentence with it begins and ends."""


@pytest.fixture(scope="module")
def uploaded(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The asset of a clip with speech that the edge has uploaded and the pipeline has published."""
    folder = tmp_path_factory.mktemp("card")
    media = folder / "DCIM"
    (media / CLIP).parent.mkdir(parents=True)
    street(media / CLIP, 14)
    config = card.edge_config(folder, system.outputs["ingest_bucket"], system.cloud.endpoint, media)
    outcomes: dict[Path, card.Outcome] = {}
    card.run_edge(config, card.own_files(media), media, stages.environment(system.cloud.endpoint), outcomes)
    (outcome,) = outcomes.values()
    assert outcome.kind == "uploaded"
    system.wait_until_idle()
    assert outcome.sha256
    return outcome.sha256[:20]


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    """A fresh profile: no cookies."""
    with browser(tmp_path / "profile") as chromium:
        yield chromium


def _links(system: System) -> Links:
    local = environment.of_cloud("e2e", system.cloud.endpoint, system.outputs)
    return Links(local, Account(local.region, local.settings))


def test_a_spoken_word_is_found_and_plays_at_its_second(system: System, uploaded: str, chromium: Browser) -> None:
    chromium.resize(1400, 900)
    chromium.open(_links(system).to_everything(300, "#/").url)
    chromium.wait(f"document.querySelector(`.card[href*='{uploaded}'] img`)?.naturalWidth > 0")
    chromium.run("document.querySelector('[type=search]').focus()")
    for letter in WORD:
        chromium.press(letter)
    chromium.wait(f"document.querySelector('mark')?.textContent.toLowerCase() === '{WORD}'")
    chromium.run("document.querySelector('.moment').click()")
    playing = chromium.wait(
        "(video => video?.currentTime > 1 && !video.paused && video.currentTime)"
        "(document.querySelector('.view.main video'))"
    )
    assert SPOKEN_S[0] <= playing <= SPOKEN_S[1]
    assert chromium.console() == []


def test_the_page_restores_an_archived_recording_and_renders_what_then_plays(
    system: System, media: dict[str, Path], chromium: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "20261125_081500_NF.mp4"
    padding = 1_000_000  # for a file as small as the sample, moving it would cost more than it saves
    path.write_bytes(media["vfr"].read_bytes() + padding.to_bytes(4) + b"free" + bytes(padding - 8))
    asset = system.upload(path, f"originals/dashcam/blackvue/2026/11/25/{path.name}")
    system.wait_until_idle()
    item = system.asset(asset)
    assert item["archive"]["storage_class"] in ("GLACIER", "DEEP_ARCHIVE"), "as routine footage is"
    with moto.lock_of("s3"):  # what lifecycle rules do within days
        original = objects.backend().get_object(item["bucket"], item["key"], version_id=item["version"])
        original._storage_class = item["archive"]["storage_class"]
    address = f"#/a/{asset}"
    chromium.open(_links(system).to_everything(300, address).url)
    _press(chromium, "Restore the original")
    chromium.wait("document.querySelector('.action [role=status]')?.textContent.length > 10")
    wait_until(lambda: any("Original restored" in json.dumps(alert) for alert in system.alerts(asset)))
    chromium.run("location.reload()")
    chromium.wait("document.querySelector('.action')?.innerText.includes('can be read until')")
    _press(chromium, "More actions")
    _press(chromium, "Render web")
    _press(chromium, "Play it", seconds=120)
    chromium.wait("document.querySelector('.view.main video')?.currentSrc.includes('video-web')")
    chromium.run("document.querySelector('.view.main video').play()")
    chromium.wait("document.querySelector('.view.main video').currentTime > 0.2")


def _press(chromium: Browser, name: str, seconds: float = 20) -> None:
    """Press the button whose text begins so, once it can be pressed."""
    button = (
        f"[...document.querySelectorAll('button')].find(one => !one.disabled && one.innerText.startsWith('{name}'))"
    )
    chromium.wait(f"Boolean({button})", seconds)
    chromium.run(f"{button}.click()")


def test_a_shared_recording_opens_in_a_fresh_profile_and_nothing_else_does(
    system: System, uploaded: str, chromium: Browser
) -> None:
    chromium.open(_links(system).to_assets([uploaded], 300, f"#/shared/{uploaded}").url)
    chromium.wait("document.querySelector('video')?.readyState >= 2")
    for path in ("/index/shards.json", f"/assets/{'0' * 20}/manifest.json"):
        assert chromium.run("return (await fetch(arguments[0])).status", path) == 403
    chromium.run("location.hash = '#/'")
    chromium.wait("document.querySelector('.denied')")


def test_a_link_opens_nothing_once_it_has_expired(system: System, uploaded: str, chromium: Browser) -> None:
    chromium.open(_links(system).to_everything(-5, "#/").url)
    chromium.wait("document.body.innerText.includes('impp open')")
    assert uploaded not in chromium.run("return document.body.innerHTML")
