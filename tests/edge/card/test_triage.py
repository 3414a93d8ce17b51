"""Which new files are brought, and how urgently: by names and folders alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impp_edge.card import triage
from impp_edge.card.board import EVENT, ROUTINE
from impp_edge.card.find import Found
from impp_edge.config import Folder

CARD = Folder(Path("/media/card"))


def found(name: str, mtime: int = 0, folder: Folder = CARD) -> Found:
    return Found(folder, os.fsencode(name), 1, mtime)


def order(*files: Found, others: tuple[str, ...] = ()) -> list[triage.Wanted]:
    return triage.order(files, frozenset([*(f.relative.name for f in files), *others]))


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Record/20260115_081502_EF.mp4", EVENT),
        ("Record/20260115_081502_MF.mp4", EVENT),  # somebody pressed the button
        ("Record/20260115_081502_NF.mp4", ROUTINE),
        ("Record/20260115_081502_PF.mp4", ROUTINE),
        ("DCIM/Movie/RO/2026_0115_081502_0001F.MP4", EVENT),
        ("DCIM/Movie/2026_0115_081502_0001F.MP4", ROUTINE),
        ("EVENT/a name that nobody knows.mp4", EVENT),
        ("holiday.mp4", ROUTINE),
        ("PXL_20260115_081502123.mp4", ROUTINE),
    ],
)
def test_what_a_camera_noticed_and_a_button_was_pressed_for_comes_first(name: str, rank: int) -> None:
    (wanted,) = order(found(name))
    assert wanted.urgency[0] == rank


def test_sidecars_share_the_urgency_of_their_most_urgent_clip_and_come_first() -> None:
    wanted = order(
        found("20260115_081502_EF.mp4", 5), found("20260115_081502_E.gps", 9), found("20260115_081502_ER.mp4", 3),
        found("20260115_080000_NF.mp4", 1), found("20260115_070000_N.gps", 7),
    )  # fmt: skip
    by_urgency = [w.found.relative.name for w in sorted(wanted, key=lambda w: w.urgency)]
    assert by_urgency == [
        "20260115_081502_E.gps", "20260115_081502_ER.mp4", "20260115_081502_EF.mp4",
        "20260115_080000_NF.mp4", "20260115_070000_N.gps",  # its clip is gone
    ]  # fmt: skip
    after = {w.found.relative.name: w.after for w in wanted}
    assert after["20260115_081502_EF.mp4"] == after["20260115_081502_ER.mp4"] == (found("20260115_081502_E.gps").raw,)
    assert after["20260115_081502_E.gps"] == after["20260115_070000_N.gps"] == ()


def test_a_sidecar_that_is_in_the_bucket_already_is_still_named() -> None:
    (wanted,) = order(found("a/20260115_081502_EF.mp4"), others=("20260115_081502_E.gps",))
    assert wanted.after == (b"/media/card/a/20260115_081502_E.gps",)


@pytest.mark.parametrize(
    ("name", "siblings", "sidecars", "unknown", "why"),
    [
        ("a.srt", {"a.mp4"}, "data", "media", None),
        ("a.srt", {"a.mp4"}, "none", "media", triage.SIDECAR),
        ("a.srt", {"a.mp4"}, "data", "skip", triage.NO_CAMERA),
        ("DJI_0001.srt", {"DJI_0001.mp4"}, "data", "skip", None),
        ("event.json", {"2026-01-15_08-15-02-front.mp4"}, "data", "skip", None),
        ("GL010001.LRV", {"GX010001.MP4"}, "data", "media", triage.TWIN),
        ("GL010001.LRV", {"GX010001.MP4"}, "all", "media", None),
        ("GL010001.LRV", set(), "data", "media", None),  # better than nothing
        ("260115_081502_001_FL.MP4", {"260115_081502_001_FH.MP4"}, "data", "media", triage.TWIN),
        ("film.mp4", set(), "data", "skip", triage.NO_CAMERA),
    ],
)
def test_which_files_are_uploaded(name: str, siblings: set[str], sidecars: str, unknown: str, why: str | None) -> None:
    folder = Folder(Path("/media/card"), sidecars=sidecars, unknown=unknown)
    assert triage.unwanted(found(name, folder=folder), siblings | {name}) == why


def test_a_file_of_no_known_name_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    (tmp_path / "text").write_bytes(b"milk, eggs")
    folder = Folder(tmp_path)
    assert triage.unwanted(found("film", folder=folder), set()) is None
    assert triage.unwanted(found("text", folder=folder), set()) == triage.NO_MEDIA
    assert triage.unwanted(found("gone", folder=folder), set()) is None  # the attempt to bring it will tell
