"""Identity of a file: its capture time and doubts about it, its group, and whether it is a sidecar."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import camera_files as files
from tests.support.camera_files import FTYP, MDAT, movie
from tests.support.edge.identities import BERLIN, CONTENT, MTIME, VIOFO, WINTER, identified
from tests.support.examples import examples

from impp_edge.card import capture
from impp_edge.run import labels

# --- time: order of the sources ---------------------------------------------------------------------------------------


def test_the_time_in_a_name_wins_and_is_read_in_the_folders_zone() -> None:
    summer = identified("20250715_081502_NF.mp4", movie(WINTER))
    assert (summer.captured.isoformat(), summer.captured_from) == ("2025-07-15T08:15:02+02:00", "filename")
    assert (summer.zone, summer.doubt) == (BERLIN, None)
    assert labels.tags(summer, CONTENT, {})["impp:timestamp"] == "2025-07-15T06:15:02Z"
    assert identified("20250715_081502_NF.mp4", zone=None).zone == "system"


def test_a_pixel_name_is_utc_but_its_key_has_the_local_date() -> None:
    assert identified("PXL_20250715_061502123.mp4").captured.isoformat() == "2025-07-15T08:15:02+02:00"
    late = identified("PXL_20250715_233000123.mp4")
    assert labels.key(late, "x.mp4") == "originals/phone/pixel/2025/07/16/x.mp4"


def test_time_comes_from_the_name_then_container_then_gps_then_mtime() -> None:
    unset = files.dashcam([files.novatek(WINTER)])
    for body, source, at in [
        (movie(WINTER), "container", WINTER),
        (files.picture(offset="+01:00"), "container", WINTER),
        (files.picture(), "container", WINTER),  # no offset: read in the folder's zone
        (unset, "gps", WINTER),
        (b"no container at all", "mtime", datetime.fromtimestamp(MTIME, UTC)),
    ]:
        identity = identified("holiday/GRMN0001.MP4", body)
        assert (identity.captured, identity.captured_from) == (at, source)
        assert identity.captured.utcoffset() == timedelta(hours=1)
    for clip in (unset, files.dashcam([files.novatek(WINTER)], listed="nowhere"), FTYP + files.novatek(WINTER)):
        identity = identified("DCIM/Movie/19700101_000000_0001_N_A.MP4", clip)
        assert (identity.captured, identity.captured_from) == (WINTER, "gps")
    assert identified("20250715_081502_NF.mp4", files.picture(offset="-05:00")).captured_from == "filename"


def test_a_picture_keeps_its_own_offset() -> None:
    for offset in ("-05:00", "+00:00", "+05:45"):
        identity = identified("IMG_0001.JPG", files.picture(offset=offset))
        assert identity.captured.isoformat() == f"2026-01-15T08:15:02{offset}"


def test_an_implausible_time_is_ignored_and_reported() -> None:
    identity = identified("20990101_000000_NF.mp4", movie(datetime(2039, 5, 6, tzinfo=UTC)), mtime=-5.0)
    assert identity.captured_from == "mtime"
    assert identity.doubt == "the name says 2099-01-01; the container says 2039-05-06; the file says 1970-01-02"
    assert identified("19700101_000012_NF.mp4").captured_from == "mtime"


# --- time: doubts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("away", "doubt"),
    [
        (0, None),
        (100, None),
        (-110, None),
        (130, "the name says 2026-01-15T08:15:02+01:00, GPS 2026-01-15T07:17:12Z"),
        (3600, "the name says 2026-01-15T08:15:02+01:00, GPS 2026-01-15T08:15:02Z (zone or summer time?)"),
        (-19_800 + 30, "the name says 2026-01-15T08:15:02+01:00, GPS 2026-01-15T01:45:32Z (zone or summer time?)"),
        (-900_000, "the name says 2026-01-15T08:15:02+01:00, GPS 2026-01-04T21:15:02Z"),
    ],
)
def test_a_gps_time_that_differs_raises_a_doubt(away: int, doubt: str | None) -> None:
    identity = identified(VIOFO, files.dashcam([files.novatek(WINTER + timedelta(seconds=away))]))
    assert (identity.captured, identity.captured_from, identity.doubt) == (WINTER, "filename", doubt)


def test_a_blackvue_clip_is_compared_with_its_gps_sidecar(tmp_path: Path) -> None:
    (tmp_path / "20260115_081502_N.gps").write_bytes(files.blackvue_gps(WINTER + timedelta(hours=1)))
    identity = identified("20260115_081502_NR.mp4", card=tmp_path)
    assert identity.doubt == "the name says 2026-01-15T08:15:02+01:00, GPS 2026-01-15T08:15:02Z (zone or summer time?)"
    track = identified("20260115_081502_N.gps", files.blackvue_gps(WINTER), card=tmp_path)
    assert (track.captured, track.doubt, track.sidecar) == (WINTER, None, True)


def test_a_gopro_container_with_local_time_is_detected_by_gps() -> None:
    identity = identified("DCIM/100GOPRO/GX010123.MP4", files.gopro([files.hero6(WINTER)], WINTER + timedelta(hours=1)))
    assert identity.captured_from == "container" and identity.doubt is not None
    assert identity.doubt.startswith("the container says ") and identity.doubt.endswith("(zone or summer time?)")


def test_a_repeated_hour_is_resolved_by_gps_or_raises_a_doubt() -> None:
    autumn = "2025_1026_023000_000123F.MP4"
    identity = identified(autumn)
    assert identity.captured.isoformat() == "2025-10-26T02:30:00+02:00"
    assert identity.doubt == "02:30 came twice that day: the clocks were put back; taken as the first"
    second = identified(autumn, files.dashcam([files.novatek(datetime(2025, 10, 26, 1, 30, 10, tzinfo=UTC))]))
    assert (second.captured.isoformat(), second.doubt) == ("2025-10-26T02:30:00+01:00", None)


def test_a_skipped_hour_stays_as_written_with_a_doubt() -> None:
    identity = identified("2025_0330_023000_000123F.MP4")
    assert identity.captured.isoformat() == "2025-03-30T02:30:00+01:00"
    assert identity.doubt == "02:30 did not come that day: the clocks were put forward over it"
    assert identified("2025_0330_013000_000123F.MP4").doubt is None
    assert identified("2025_0330_033000_000123F.MP4").captured.isoformat() == "2025-03-30T03:30:00+02:00"


def test_the_system_zone_behaves_like_a_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", BERLIN)
    time.tzset()
    try:
        for name in ("2025_1026_023000_1F.MP4", "2025_0330_023000_1F.MP4", "2025_0715_081502_1F.MP4"):
            system, configured = identified(name, zone=None), identified(name)
            assert (system.captured.isoformat(), system.doubt) == (configured.captured.isoformat(), configured.doubt)
    finally:
        monkeypatch.undo()
        time.tzset()


# --- Tesla ------------------------------------------------------------------------------------------------------------

EVENT = "TeslaCam/SentryClips/2026-01-15_08-16-30"
JSON = b'{"timestamp":"2026-01-15T08:16:27","city":"Berlin","est_lat":"52.5","reason":"sentry_aware_object_detection"}'


def test_files_beside_an_event_share_its_time(tmp_path: Path) -> None:
    (tmp_path / EVENT).mkdir(parents=True)
    (tmp_path / EVENT / "event.json").write_bytes(JSON)
    for name, body in (("event.json", JSON), ("thumb.png", b"\x89PNG\r\n\x1a\n")):
        identity = identified(f"{EVENT}/{name}", body, card=tmp_path)
        assert (identity.captured.isoformat(), identity.captured_from) == ("2026-01-15T08:16:27+01:00", "event")
        assert labels.key(identity, name) == f"sidecars/dashcam/tesla/2026/01/15/2026-01-15_08-16-30/{name}"
    clip = identified(f"{EVENT}/2026-01-15_08-15-02-front.mp4", card=tmp_path)
    assert (clip.group, clip.captured_from, clip.sidecar) == ("2026-01-15_08-16-30", "filename", False)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"5", b'{"timestamp": 5}', b'{"timestamp": "now"}', b"[" * 60_000, b"\xff\xfe{}"]
)
def test_an_unreadable_event_file_falls_back_to_the_folder_name(text: bytes) -> None:
    identity = identified(f"{EVENT}/event.json", text)
    assert (identity.captured.isoformat(), identity.captured_from) == ("2026-01-15T08:16:30+01:00", "filename")


def test_a_pipe_or_link_named_like_a_sidecar_is_not_read(tmp_path: Path) -> None:
    (tmp_path / EVENT).mkdir(parents=True)
    os.mkfifo(tmp_path / EVENT / "event.json")
    assert identified(f"{EVENT}/thumb.png", card=tmp_path).captured_from == "filename"
    (tmp_path / "elsewhere").write_bytes(JSON)
    (tmp_path / EVENT / "event.json").unlink()
    (tmp_path / EVENT / "event.json").symlink_to(tmp_path / "elsewhere")
    assert identified(f"{EVENT}/thumb.png", card=tmp_path).captured_from == "filename"


# --- other properties -------------------------------------------------------------------------------------------------


def test_a_truncated_clip_is_marked() -> None:
    assert identified(VIOFO, FTYP + MDAT).truncated == "no moov box"
    assert identified(VIOFO, movie(WINTER)).truncated is None
    assert (
        labels.metadata(identified(VIOFO, FTYP + MDAT), CONTENT, PurePosixPath(VIOFO))["impp-truncated"]
        == "no moov box"
    )


def test_chapters_are_labelled_and_lone_twins_are_clips(tmp_path: Path) -> None:
    second = identified("DCIM/100GOPRO/GX020123.MP4", card=tmp_path)
    metadata = labels.metadata(second, CONTENT, PurePosixPath("GX020123.MP4"))
    assert (metadata["impp-group"], metadata["impp-moment"], metadata["impp-chapter"]) == (
        "GOPRO-0123",
        "GOPRO-0123-02",
        "2",
    )
    for full, twin in (("GX010123.MP4", "GL010123.LRV"), ("260115_081502_001_FH.MP4", "260115_081502_001_FL.MP4")):
        assert labels.key(identified(twin, card=tmp_path), twin).startswith("originals/")
        (tmp_path / full).touch()
        assert labels.key(identified(twin, card=tmp_path), twin).startswith("sidecars/")


@settings(max_examples=examples(300))
@given(st.datetimes(datetime(2000, 1, 1), datetime(9999, 12, 31)), st.sampled_from([None, BERLIN, "Asia/Kathmandu",
       "Pacific/Apia", "America/St_Johns", "Australia/Lord_Howe"]))  # fmt: skip
def test_wall_clock_times_keep_their_written_value(clock: datetime, zone: str | None) -> None:
    clock = clock.replace(microsecond=0)
    at, _ = capture.localize(clock, ZoneInfo(zone) if zone else None)
    assert at.replace(tzinfo=None) == clock and at.utcoffset() is not None
