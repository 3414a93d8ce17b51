"""Which new files are uploaded, and in which order: by names and folders alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impp_edge.card import triage
from impp_edge.card.find import CardFile
from impp_edge.card.work_queue import EVENT, ROUTINE
from impp_edge.config import Folder

CARD = Folder(Path("/media/card"))


def card_file(name: str, mtime: int = 0, folder: Folder = CARD) -> CardFile:
    return CardFile(folder, os.fsencode(name), 1, mtime)


def order(*files: CardFile, others: tuple[str, ...] = ()) -> list[triage.Candidate]:
    return triage.order(files, frozenset([*(f.relative.name for f in files), *others]))


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Record/20260115_081502_EF.mp4", EVENT),
        ("Record/20260115_081502_MF.mp4", EVENT),  # the button was pressed
        ("Record/20260115_081502_NF.mp4", ROUTINE),
        ("Record/20260115_081502_PF.mp4", ROUTINE),
        ("DCIM/Movie/RO/2026_0115_081502_0001F.MP4", EVENT),
        ("DCIM/Movie/2026_0115_081502_0001F.MP4", ROUTINE),
        ("EVENT/an unknown name.mp4", EVENT),
        ("holiday.mp4", ROUTINE),
        ("PXL_20260115_081502123.mp4", ROUTINE),
    ],
)
def test_event_and_manual_clips_rank_before_routine_ones(name: str, rank: int) -> None:
    (wanted,) = order(card_file(name))
    assert wanted.urgency[0] == rank


def test_sidecars_precede_their_clips_and_share_the_highest_urgency() -> None:
    wanted = order(
        card_file("20260115_081502_EF.mp4", 5), card_file("20260115_081502_E.gps", 9),
        card_file("20260115_081502_ER.mp4", 3),
        card_file("20260115_080000_NF.mp4", 1), card_file("20260115_070000_N.gps", 7),
    )  # fmt: skip
    by_urgency = [w.file.relative.name for w in sorted(wanted, key=lambda w: w.urgency)]
    assert by_urgency == [
        "20260115_081502_E.gps", "20260115_081502_ER.mp4", "20260115_081502_EF.mp4",
        "20260115_080000_NF.mp4", "20260115_070000_N.gps",  # its clip is gone
    ]  # fmt: skip
    after = {w.file.relative.name: w.after for w in wanted}
    assert (
        after["20260115_081502_EF.mp4"] == after["20260115_081502_ER.mp4"] == (card_file("20260115_081502_E.gps").raw,)
    )
    assert after["20260115_081502_E.gps"] == after["20260115_070000_N.gps"] == ()


def test_an_uploaded_sidecar_is_still_a_dependency_of_its_clip() -> None:
    (wanted,) = order(card_file("a/20260115_081502_EF.mp4"), others=("20260115_081502_E.gps",))
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
    assert triage.skip_reason(card_file(name, folder=folder), siblings | {name}) == why


def test_files_with_unknown_names_are_recognised_by_content(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    (tmp_path / "text").write_bytes(b"milk, eggs")
    folder = Folder(tmp_path)
    assert triage.skip_reason(card_file("film", folder=folder), set()) is None
    assert triage.skip_reason(card_file("text", folder=folder), set()) == triage.NO_MEDIA
    assert triage.skip_reason(card_file("gone", folder=folder), set()) is None  # the upload will report it
