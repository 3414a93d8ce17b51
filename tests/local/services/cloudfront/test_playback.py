"""What the pipeline delivers plays in a browser: HLS by hls.js, through CloudFront, with the viewer's cookies."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.support import node_packages, private_delivery
from tests.support.browser import Browser, browser, web_site
from tests.support.dashcam_facts import ASSET, FACTS
from tests.support.local_cloud import Maker
from tests.support.media_clips import street
from tests.support.mediaconvert_jobs import job_settings, run_job
from tests.support.paths import REPOSITORY

from impp_lambdas.core import keys
from impp_lambdas.core.media import rung
from impp_lambdas.core.media.proxy import Size
from impp_lambdas.core.planning import hls
from impp_lambdas.core.results import hls as playlists

pytestmark = pytest.mark.slow

SECONDS = 10.0
CAPTIONS = "WEBVTT\n\n1\n00:00:00.000 --> 00:00:10.000\nA street with bicycles\n"


@pytest.fixture
def presentation(make: Maker, tmp_path: Path) -> str:
    """The bucket with an HLS presentation as Publish leaves it: a rung and the sound of MediaConvert, a small rung of
    ours that two attempts have made, and captions."""
    bucket = make.name("media")
    s3 = make.client("s3")
    s3.create_bucket(Bucket=bucket)
    clip = street(tmp_path / "in.mp4", SECONDS)
    s3.upload_file(str(clip), bucket, "in.mp4")
    original = replace(FACTS, width=640, height=272, fps=25.0, audio_channels=1)
    settings = job_settings(f"s3://{bucket}/in.mp4", "")
    settings["OutputGroups"] = [hls.group(bucket, ASSET, hls.rungs(ASSET, original), original)]
    assert run_job(make, settings)["Status"] == "COMPLETE"
    tracks, stream = small_rung(clip)
    for track in tracks:
        s3.upload_file(str(tmp_path / track.uri), bucket, f"assets/{ASSET}/hls/{track.uri}")
    main = s3.get_object(Bucket=bucket, Key=hls.playlist(ASSET))["Body"].read().decode()
    main = playlists.with_variant(main, {"name": "hls-136", "width": 320, "height": 136, "stream": stream})
    files = {
        hls.playlist(ASSET): playlists.with_captions(main, "captions.m3u8", "en-US"),
        hls.playlist(ASSET, "hls-136"): playlists.track_playlist(tracks),
        hls.playlist(ASSET, "captions"): playlists.captions_playlist("../captions.vtt", SECONDS),
        keys.delivery(ASSET, "captions.vtt"): CAPTIONS,
    }
    for key, text in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return bucket


def small_rung(clip: Path) -> tuple[list[playlists.Track], dict[str, Any]]:
    """A rung beside the clip in two files: the time of the first attempt is up within the second segment."""
    size, tracks, stream = Size(320, 136, Fraction(25), 400_000, SECONDS), [], {}
    for first, packets in ((0, 200), (1, 10_000)):
        left = iter(range(packets))
        path = clip.with_name(f"hls-136-{first}.cmfv")
        with clip.open("rb") as file:
            part = rung.encode(file, path, size, first, lambda left=left: next(left, None) is None)
        assert part.next == (None if first else 1)
        tracks.append(playlists.Track(path.name, part.header, part.segments))
        stream["codecs"] = part.codecs
    peak, mean = playlists.rates(tracks)
    return tracks, stream | {"peak": peak, "mean": mean, "fps": "25"}


def test_hls_plays_in_chromium_with_signed_cookies(make: Maker, presentation: str, tmp_path: Path) -> None:
    """Levels switch, captions are shown, time passes, and nothing fails; without cookies nothing is readable."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(REPOSITORY / "tests/support/player.html", site)
    shutil.copy(node_packages.installed() / "hls.js/dist/hls.min.js", site)
    with web_site(site) as origin, browser(tmp_path / "profile") as chromium:
        cdn = private_delivery.deploy(make.cloud, presentation, origin, {})
        page = f"{origin}/player.html?src={cdn.root}{hls.playlist(ASSET)}"
        chromium.open(page)
        refused = chromium.run("await until(() => seen.errors.length, 'no error'); return seen.errors[0]")
        assert refused.startswith("manifestLoadError")
        chromium.console()
        chromium.add_cookies(cdn.cookies(f"assets/{ASSET}/"), "/_cloudfront/")
        chromium.open(page)
        check_playback(chromium, tmp_path / "playing.png")
        assert chromium.run("return seen.errors") == []
        assert chromium.console() == []


def check_playback(chromium: Browser, screenshot: Path) -> None:
    assert chromium.run("await until(() => seen.levels.length, 'no levels'); return seen.levels") == [136, 272]
    chromium.run("hls.subtitleDisplay = true; hls.subtitleTrack = 0; await video.play()")
    for level, height in enumerate((136, 272)):
        script = """
            const [level, height] = arguments, from = video.currentTime
            hls.currentLevel = level
            await until(() => seen.switched.includes(level) && video.videoHeight === height, `level ${level}`)
            await until(() => video.currentTime > from + 1, `no progress at level ${level}`)
        """
        chromium.run(script, level, height)
    cues = """
        const track = () => Array.from(video.textTracks).find(track => track.mode === 'showing')
        await until(() => track()?.activeCues?.length, 'no caption')
        return [track().label, track().activeCues[0].text]
    """
    assert chromium.run(cues) == ["en-US", "A street with bicycles"]
    assert chromium.run("return picture().spread") > 20
    chromium.screenshot(screenshot)
    across = """
        hls.currentLevel = 0
        video.currentTime = 5
        await until(() => video.videoHeight === 136 && video.currentTime > 7, 'not beyond the first part')
        return seen.switched
    """
    assert chromium.run(across) == [0, 1, 0]
    end = "video.currentTime = 9; await until(() => video.ended, 'no end'); return video.currentTime"
    assert chromium.run(end) == pytest.approx(SECONDS, abs=0.2)
