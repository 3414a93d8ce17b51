"""Names and folders of real cameras: the facts in each, and which files belong together."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from tests.support.camera_names import MORE, PATHS, ROWS, STRANGERS, split

from impp_footage.cameras import recognise


def test_table_covers_enough_names() -> None:
    assert len(set(PATHS)) == len(PATHS) >= 150


@pytest.mark.parametrize(("path", "maker", "source", "camera", "recording", "taken", "group"), ROWS, ids=PATHS)
def test_recognises_a_camera_by_its_names(
    path: str, maker: str, source: str, camera: str, recording: str, taken: str, group: str
) -> None:
    recognised = recognise(*split(path))
    assert recognised is not None
    assert (recognised.maker, recognised.source, recognised.camera or "", recognised.recording or "") == (
        maker,
        source,
        camera,
        recording,
    )
    assert (str(recognised.taken) if recognised.taken else "") == taken
    expected, _, chapter = group.partition("/")
    assert recognised.group == (expected or re.sub(r"[-:]", "", taken).replace(" ", "_"))
    assert str(recognised.chapter or "") == chapter


@pytest.mark.parametrize(
    ("path", "source", "maker", "camera", "recording", "taken"), MORE, ids=[row[0] for row in MORE]
)
def test_recognises_more_names(
    path: str, source: str, maker: str, camera: str | None, recording: str | None, taken: datetime | None
) -> None:
    recognised = recognise(*split(path))
    assert recognised
    assert (recognised.source, recognised.maker, recognised.camera, recognised.taken) == (source, maker, camera, taken)
    assert recognised.recording == recording


@pytest.mark.parametrize("name", ["holiday.mp4", "IMG_1234.txt", "20261320_081500_NF.md", "x/REC.mp4", "", "/"])
def test_other_names_are_not_recognised(name: str) -> None:
    assert recognise(*split(name)) is None


@pytest.mark.parametrize("path", STRANGERS)
def test_recognises_no_camera_by_other_names(path: str) -> None:
    recognised = recognise(*split(path))
    assert recognised is None or recognised.taken is None


@pytest.mark.parametrize(
    "together",
    [
        ["20260115_081502_NF.mp4", "20260115_081502_NR.mp4", "20260115_081502_N.gps", "20260115_081502_N.3gf"],
        ["2026_0115_081502_000123F.MP4", "2026_0115_081502_000124R.MP4"],  # not by the sequence number
        ["NO20260115-081502-000123F.mp4", "EV20260115-081502-000123F.mp4"],  # locking renames
        ["GX010123.MP4", "GX010123.THM", "GL010123.LRV"],
        ["IMG_0001.HEIC", "IMG_0001.MOV", "IMG_E0001.HEIC", "IMG_0001.AAE"],
        ["PXL_20260115_081502123.RAW-01.COVER.jpg", "PXL_20260115_081502123.RAW-02.ORIGINAL.dng"],
    ],
)
def test_files_of_one_moment_share_their_key(together: list[str]) -> None:
    results = [recognise([], name) for name in together]
    assert len({one and one.moment for one in results}) == 1
    assert None not in results


def test_chapters_and_the_minutes_of_a_tesla_event_share_a_group() -> None:
    for path, other in [
        ("GX010123.MP4", "GX020123.MP4"),
        ("GOPR0123.MP4", "GP010123.MP4"),
        (
            "SentryClips/2026-01-15_08-16-30/2026-01-15_08-15-02-front.mp4",
            "SentryClips/2026-01-15_08-16-30/2026-01-15_08-16-02-front.mp4",
        ),
    ]:
        first, second = recognise(*split(path)), recognise(*split(other))
        assert first and second and first.group == second.group and first.moment != second.moment


def test_patterns_do_not_backtrack() -> None:
    """Patterns may not back-track: a name as long as a file system allows is refused in few steps."""
    for piece in ("20260115_081502_", "IMG_20260115_081502_", "(1)", "~1", " 1", "_HDR", "-edited", "G" * 5, "0"):
        for start in ("", "IMG_0001", "20260115_081502", "IMG_20260115_081502", "PXL_20260115_081502123"):
            name = (start + piece * 255)[:250] + "!"
            assert recognise(["RO"] * 50, name) is None


@pytest.mark.parametrize(
    "name",
    [
        "19700101_000012_NF.mp4",
        "20261340_081500_NF.mp4",  # no 13th month
        "700101_000012_001_FH.MP4",  # Nextbase writes two digits of the year
        "800106_000012_001_FH.MP4",
    ],
)
def test_the_time_of_an_unset_clock_is_ignored(name: str) -> None:
    recognised = recognise([], name)
    assert recognised and recognised.taken is None and recognised.moment
