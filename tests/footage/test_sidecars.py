"""Which files belong to which clip, by their names."""

from __future__ import annotations

import pytest

from impp_footage import sidecars

FOLDER = {
    "20260115_081502_NF.mp4", "20260115_081502_NR.mp4", "20260115_081502_NF.thm", "20260115_081502_NR.thm",
    "20260115_081502_N.gps", "20260115_081502_N.3gf", "20260115_081502_E.gps", "20260115_081502_NFL.mp4",
    "GX010123.MP4", "GX010123.THM", "GL010123.LRV", "GX020123.MP4", "GL020123.LRV",
    "GOPR0125.MP4", "GOPR0125.LRV", "GOPR0125.THM",
    "DJI_0042.MP4", "DJI_0042.SRT", "DJI_0042.LRF", "DJI_0043.MP4",
    "GRMN0001.MP4", "GRMN0001.GLV",
    "260115_081502_001_FH.MP4", "260115_081502_001_FL.MP4", "260115_081502_002_FL.MP4",
    "IMG_0001.HEIC", "IMG_0001.MOV", "IMG_0001.AAE", "IMG_E0001.HEIC", "IMG_O0001.AAE",
    "holiday.mov", "holiday.srt",
}  # fmt: skip
OWN = {
    "20260115_081502_NF.mp4": ["20260115_081502_N.3gf", "20260115_081502_N.gps", "20260115_081502_NF.thm"],
    "20260115_081502_NR.mp4": ["20260115_081502_N.3gf", "20260115_081502_N.gps", "20260115_081502_NR.thm"],
    "GX010123.MP4": ["GL010123.LRV", "GX010123.THM"],
    "GX020123.MP4": ["GL020123.LRV"],
    "GOPR0125.MP4": ["GOPR0125.LRV", "GOPR0125.THM"],
    "DJI_0042.MP4": ["DJI_0042.LRF", "DJI_0042.SRT"],
    "DJI_0043.MP4": [],
    "GRMN0001.MP4": ["GRMN0001.GLV"],
    "260115_081502_001_FH.MP4": ["260115_081502_001_FL.MP4"],
    "260115_081502_002_FL.MP4": [],
    "IMG_0001.HEIC": ["IMG_0001.AAE", "IMG_O0001.AAE"],
    "IMG_E0001.HEIC": ["IMG_0001.AAE", "IMG_O0001.AAE"],
    "holiday.mov": ["holiday.srt"],
    "20260115_081502_N.gps": [],
}


@pytest.mark.parametrize("name", OWN)
def test_finds_the_sidecars_of_a_clip(name: str) -> None:
    assert sidecars.of_clip(name, FOLDER) == OWN[name]
    for sidecar in OWN[name]:
        assert sidecars.is_sidecar([], sidecar)
        assert name in sidecars.clips(sidecar, FOLDER)


def test_event_file_and_thumbnail_belong_to_every_clip_of_a_tesla_event() -> None:
    folder = {"2026-01-15_08-15-02-front.mp4", "2026-01-15_08-15-02-back.mp4", "event.json", "thumb.png"}
    assert sidecars.of_clip("2026-01-15_08-15-02-front.mp4", folder) == ["event.json", "thumb.png"]
    assert sidecars.clips("thumb.png", folder) == ["2026-01-15_08-15-02-back.mp4", "2026-01-15_08-15-02-front.mp4"]


def test_finds_the_full_resolution_clip_of_a_twin() -> None:
    assert sidecars.clips("260115_081502_002_FL.MP4", FOLDER) == []
    assert sidecars.clips("260115_081502_001_FL.MP4", FOLDER) == ["260115_081502_001_FH.MP4"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GX010123.THM", "data"), ("a.srt", "data"), ("20260115_081502_N.gps", "data"), ("x.3gf", "data"),
        ("IMG_0001.aae", "data"), ("event.json", "data"), ("Thumb.png", "data"),
        ("GL010123.LRV", "proxy"), ("DJI_0042.lrf", "proxy"), ("GRMN0001.GLV", "proxy"),
        ("260115_081502_001_FL.MP4", "proxy"), ("260115_081502_001_fl.mp4", "proxy"),
        ("260115_081502_001_FH.MP4", None), ("GX010123.MP4", None), ("IMG_0001.MOV", None), ("other.json", None),
    ],
)  # fmt: skip
def test_distinguishes_sidecars_from_clips(name: str, kind: str | None) -> None:
    assert sidecars.is_sidecar([], name) == kind
