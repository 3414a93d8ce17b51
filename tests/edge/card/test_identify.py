"""What a file is told to be: its time and what speaks against it, its key, tags and metadata, whatever its name."""

from __future__ import annotations

import io
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, unquote_to_bytes
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import camera_files as files
from tests.support.camera_files import FTYP, MDAT, movie
from tests.support.camera_names import PATHS

from impp_edge.card import capture, identify
from impp_edge.config import Folder
from impp_edge.digest import Digest
from impp_edge.run import labels
from impp_footage import sidecars
from impp_footage.cameras import recognise
from impp_lambdas.core.intake import sources as cloud_sources

MTIME = 1_768_000_000.0  # 2026-01-09 23:06:40 UTC
BERLIN = "Europe/Berlin"
WINTER = datetime(2026, 1, 15, 7, 15, 2, tzinfo=UTC)  # 08:15:02 in Berlin
CONTENT = Digest(1, "ab" * 32, "AAAAAAAAAAA=", 1 << 24, ("AAAAAAAAAAA=",))


def made(
    relative: str, body: bytes = b"", zone: str | None = BERLIN, mtime: float = MTIME, card: Path = Path("/media/card")
) -> identify.Identity:
    folder = Folder(card, zone=ZoneInfo(zone) if zone else None)
    return identify.identify(folder, PurePosixPath(relative), mtime, io.BytesIO(body))


# --- time: which source counts ----------------------------------------------------------------------------------------


def test_a_name_counts_first_in_the_zone_of_its_folder() -> None:
    summer = made("20250715_081502_NF.mp4", movie(WINTER))
    assert (summer.captured.isoformat(), summer.captured_from) == ("2025-07-15T08:15:02+02:00", "filename")
    assert (summer.zone, summer.doubt) == (BERLIN, None)
    assert labels.tags(summer, CONTENT, {})["impp:timestamp"] == "2025-07-15T06:15:02Z"
    assert made("20250715_081502_NF.mp4", zone=None).zone == "system"


def test_a_pixels_name_is_utc_and_its_day_the_one_on_the_wall() -> None:
    assert made("PXL_20250715_061502123.mp4").captured.isoformat() == "2025-07-15T08:15:02+02:00"
    late = made("PXL_20250715_233000123.mp4")
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
        found = made("holiday/GRMN0001.MP4", body)
        assert (found.captured, found.captured_from) == (at, source)
        assert found.captured.utcoffset() == timedelta(hours=1)
    for clip in (unset, files.dashcam([files.novatek(WINTER)], listed="nowhere"), FTYP + files.novatek(WINTER)):
        found = made("DCIM/Movie/19700101_000000_0001_N_A.MP4", clip)
        assert (found.captured, found.captured_from) == (WINTER, "gps")
    assert made("20250715_081502_NF.mp4", files.picture(offset="-05:00")).captured_from == "filename"


def test_a_picture_keeps_its_own_offset() -> None:
    for offset in ("-05:00", "+00:00", "+05:45"):
        found = made("IMG_0001.JPG", files.picture(offset=offset))
        assert found.captured.isoformat() == f"2026-01-15T08:15:02{offset}"


def test_an_implausible_time_is_ignored_and_reported() -> None:
    found = made("20990101_000000_NF.mp4", movie(datetime(2039, 5, 6, tzinfo=UTC)), mtime=-5.0)
    assert found.captured_from == "mtime"
    assert found.doubt == "the name says 2099-01-01; the container says 2039-05-06; the file says 1970-01-02"
    assert made("19700101_000012_NF.mp4").captured_from == "mtime"


# --- time: what speaks against it -------------------------------------------------------------------------------------

VIOFO = "DCIM/Movie/2026_0115_081502_000123F.MP4"


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
def test_satellites_that_tell_another_time_raise_a_doubt(away: int, doubt: str | None) -> None:
    found = made(VIOFO, files.dashcam([files.novatek(WINTER + timedelta(seconds=away))]))
    assert (found.captured, found.captured_from, found.doubt) == (WINTER, "filename", doubt)


def test_a_blackvue_is_compared_with_the_track_beside_it(tmp_path: Path) -> None:
    (tmp_path / "20260115_081502_N.gps").write_bytes(files.blackvue_gps(WINTER + timedelta(hours=1)))
    found = made("20260115_081502_NR.mp4", card=tmp_path)
    assert found.doubt == "the name says 2026-01-15T08:15:02+01:00, GPS 2026-01-15T08:15:02Z (zone or summer time?)"
    track = made("20260115_081502_N.gps", files.blackvue_gps(WINTER), card=tmp_path)
    assert (track.captured, track.doubt, track.sidecar) == (WINTER, None, True)


def test_a_gopro_that_writes_its_wall_clock_as_utc_is_caught_by_its_track() -> None:
    found = made("DCIM/100GOPRO/GX010123.MP4", files.gopro([files.hero6(WINTER)], WINTER + timedelta(hours=1)))
    assert found.captured_from == "container" and found.doubt is not None
    assert found.doubt.startswith("the container says ") and found.doubt.endswith("(zone or summer time?)")


def test_an_hour_that_came_twice_is_settled_by_satellites_or_doubted() -> None:
    autumn = "2025_1026_023000_000123F.MP4"
    found = made(autumn)
    assert found.captured.isoformat() == "2025-10-26T02:30:00+02:00"
    assert found.doubt == "02:30 came twice that day: the clocks were put back; taken as the first"
    second = made(autumn, files.dashcam([files.novatek(datetime(2025, 10, 26, 1, 30, 10, tzinfo=UTC))]))
    assert (second.captured.isoformat(), second.doubt) == ("2025-10-26T02:30:00+01:00", None)


def test_an_hour_that_never_came_stays_as_written_with_a_doubt() -> None:
    found = made("2025_0330_023000_000123F.MP4")
    assert found.captured.isoformat() == "2025-03-30T02:30:00+01:00"
    assert found.doubt == "02:30 did not come that day: the clocks were put forward over it"
    assert made("2025_0330_013000_000123F.MP4").doubt is None
    assert made("2025_0330_033000_000123F.MP4").captured.isoformat() == "2025-03-30T03:30:00+02:00"


def test_the_systems_own_zone_is_read_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", BERLIN)
    time.tzset()
    try:
        for name in ("2025_1026_023000_1F.MP4", "2025_0330_023000_1F.MP4", "2025_0715_081502_1F.MP4"):
            system, told = made(name, zone=None), made(name)
            assert (system.captured.isoformat(), system.doubt) == (told.captured.isoformat(), told.doubt)
    finally:
        monkeypatch.undo()
        time.tzset()


# --- Tesla ------------------------------------------------------------------------------------------------------------

EVENT = "TeslaCam/SentryClips/2026-01-15_08-16-30"
JSON = b'{"timestamp":"2026-01-15T08:16:27","city":"Berlin","est_lat":"52.5","reason":"sentry_aware_object_detection"}'


def test_what_stands_beside_an_event_has_its_time(tmp_path: Path) -> None:
    (tmp_path / EVENT).mkdir(parents=True)
    (tmp_path / EVENT / "event.json").write_bytes(JSON)
    for name, body in (("event.json", JSON), ("thumb.png", b"\x89PNG\r\n\x1a\n")):
        found = made(f"{EVENT}/{name}", body, card=tmp_path)
        assert (found.captured.isoformat(), found.captured_from) == ("2026-01-15T08:16:27+01:00", "event")
        assert labels.key(found, name) == f"sidecars/dashcam/tesla/2026/01/15/2026-01-15_08-16-30/{name}"
    clip = made(f"{EVENT}/2026-01-15_08-15-02-front.mp4", card=tmp_path)
    assert (clip.group, clip.captured_from, clip.sidecar) == ("2026-01-15_08-16-30", "filename", False)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"5", b'{"timestamp": 5}', b'{"timestamp": "now"}', b"[" * 60_000, b"\xff\xfe{}"]
)
def test_an_event_file_that_cannot_be_read_leaves_the_folders_name(text: bytes) -> None:
    found = made(f"{EVENT}/event.json", text)
    assert (found.captured.isoformat(), found.captured_from) == ("2026-01-15T08:16:30+01:00", "filename")


def test_a_pipe_or_link_in_a_sidecars_place_is_not_read(tmp_path: Path) -> None:
    (tmp_path / EVENT).mkdir(parents=True)
    os.mkfifo(tmp_path / EVENT / "event.json")
    assert made(f"{EVENT}/thumb.png", card=tmp_path).captured_from == "filename"
    (tmp_path / "elsewhere").write_bytes(JSON)
    (tmp_path / EVENT / "event.json").unlink()
    (tmp_path / EVENT / "event.json").symlink_to(tmp_path / "elsewhere")
    assert made(f"{EVENT}/thumb.png", card=tmp_path).captured_from == "filename"


# --- what else it is --------------------------------------------------------------------------------------------------


def test_a_clip_whose_end_is_missing_is_marked() -> None:
    assert made(VIOFO, FTYP + MDAT).truncated == "no moov box"
    assert made(VIOFO, movie(WINTER)).truncated is None
    assert labels.metadata(made(VIOFO, FTYP + MDAT), CONTENT, PurePosixPath(VIOFO))["impp-truncated"] == "no moov box"


def test_chapters_are_labelled_and_twins_that_are_alone_are_clips(tmp_path: Path) -> None:
    second = made("DCIM/100GOPRO/GX020123.MP4", card=tmp_path)
    told = labels.metadata(second, CONTENT, PurePosixPath("GX020123.MP4"))
    assert (told["impp-group"], told["impp-moment"], told["impp-chapter"]) == ("GOPRO-0123", "GOPRO-0123-02", "2")
    for full, twin in (("GX010123.MP4", "GL010123.LRV"), ("260115_081502_001_FH.MP4", "260115_081502_001_FL.MP4")):
        assert labels.key(made(twin, card=tmp_path), twin).startswith("originals/")
        (tmp_path / full).touch()
        assert labels.key(made(twin, card=tmp_path), twin).startswith("sidecars/")


# --- key, tags, metadata: any name ------------------------------------------------------------------------------------

WORDS = st.one_of(
    st.text(min_size=1, max_size=255),
    st.binary(min_size=1, max_size=255).map(lambda b: b.decode("utf-8", "surrogateescape")),
    st.sampled_from(["\x01" * 255, "\udcff" * 255, "\u202e" * 85, "..", ".", "~", " ", "a/b", "%2F", "\ud800"]),
    st.sampled_from([path.rsplit("/", 1)[-1] for path in PATHS]).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, len(n)), st.text(max_size=4)).map(
            lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :]
        )
    ),
)
NAMES = WORDS.map(lambda name: name.replace("/", "_"))
SAFE = re.compile(
    r"(originals/(dashcam|phone|creator)/[a-z0-9-]{1,63}/\d{4}/\d\d/\d\d"
    r"|sidecars/(dashcam|phone|creator)/[a-z0-9-]{1,63}/\d{4}/\d\d/\d\d/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})"
    r"/[^/\\\x00-\x1f\x7f]+",
    re.DOTALL,
)
BODIES = st.one_of(st.just(b"x"), st.binary(max_size=64), st.sampled_from([movie(WINTER), FTYP + MDAT]))


@settings(max_examples=600, deadline=None)
@given(
    NAMES,
    NAMES,
    st.one_of(st.none(), st.text(max_size=80)),
    st.floats(-1e12, 1e12),
    BODIES,
    st.lists(WORDS, max_size=9),
)
@example("..", "..", "../..", 0.0, b"", ["..", "a b"])
@example("a\n\r\x00.mp4", "%2e%2e", "\u202e", -1e12, b"", [])
@example("20260115_081502_NF.mp4", "..", None, float(2**62), b"", [])
@example("99991231_235959_NF.mp4", "b", None, 253402300799.0, b"", [])
@example("20000101_000000_NF.mp4", "b", None, -62135596800.0, b"", [])
@example("x.thm", "b", None, 0.0, b"", ["\x01" * 255] * 9)
@example("\x01" * 251 + ".thm", "\x02" * 255, "d" * 80, 0.0, FTYP, ["a" * 900])
def test_no_name_crashes_or_leaves_its_prefix(
    name: str, parent: str, device: str | None, mtime: float, body: bytes, others: list[str]
) -> None:
    folder = Folder(Path("/card"), device=device)
    relative = PurePosixPath(parent) / name
    found = identify.identify(folder, relative, mtime, io.BytesIO(body))
    for key in (labels.key(found, name), labels.key(found, name, "0123abcd")):
        assert SAFE.fullmatch(key), key
        assert key.rsplit("/", 1)[-1] not in (".", "..")
        assert len(key.encode()) <= 1024  # S3's limit
    keys = [f"sidecars/{found.source}/{found.device}/2026/01/15/x/{other}" for other in others]
    told = labels.metadata(found, CONTENT, relative, keys, "cd" * 32)
    assert all(v.isascii() and v.isprintable() and v == v.strip() for v in told.values())
    assert sum(len(k) + len(v) for k, v in told.items()) <= labels.METADATA_BYTES
    assert told["impp-original-name"].endswith(labels.original_name(PurePosixPath(relative.name)))
    assert told["impp-custody"] == "cd" * 32
    for tag, value in labels.tags(found, CONTENT, {}).items():
        assert re.fullmatch(r"[\w .:/=+\-@]{1,128}", tag) and re.fullmatch(r"[\w .:/=+\-@]{0,256}", value, re.ASCII)
    siblings = {name, *others}
    assert set(sidecars.of_clip(name, siblings)) <= siblings - {name}
    assert set(sidecars.clips(name, siblings)) <= siblings


@given(st.lists(st.one_of(WORDS, st.just("20260115_081502_N.gps")), max_size=40))
def test_metadata_lists_as_many_sidecars_as_fit_in_order(names: list[str]) -> None:
    found = made(VIOFO)
    keys = [f"sidecars/{found.source}/{found.device}/2026/01/15/g/{labels.filename(name)}" for name in names]
    told = labels.metadata(found, CONTENT, PurePosixPath(VIOFO), keys)
    read = [unquote(part) for part in told.get("impp-sidecars", "").split(" ") if part]
    assert read == [f"2026/01/15/g/{labels.filename(name)}" for name in names][: len(read)]
    if len(names) == 1:
        assert len(read) == 1


@given(st.binary(min_size=1, max_size=100))
def test_the_original_name_can_be_read_back_byte_for_byte(raw: bytes) -> None:
    name = os.fsdecode(raw.replace(b"/", b"_").replace(b"\x00", b"_"))
    if name not in (".", ".."):
        assert unquote_to_bytes(labels.original_name(PurePosixPath(name))) == os.fsencode(name)


@pytest.mark.parametrize("name", ["a b.mp4", "ü+%'\"&=.mp4", "100%.mov", "日本語.mp4", "a~b#c?.mp4"])
def test_printable_names_stay_as_they_are(name: str) -> None:
    assert labels.filename(name) == name
    own = {"original-name": labels.original_name(PurePosixPath(name))}
    assert cloud_sources.infer(labels.key(made(name), name), own, None, datetime.now(UTC)).source == "phone"


@pytest.mark.parametrize("path", PATHS)
def test_the_pipeline_takes_every_originals_word_as_it_is(path: str) -> None:
    """All metadata, old and new, pass through the pipeline's own reading without a loss."""
    found = made(path, movie(WINTER))
    told = labels.metadata(found, CONTENT, PurePosixPath(path), ["sidecars/x/y/a"], "ab" * 32)
    origin = cloud_sources.infer(
        labels.key(found, path.rsplit("/", 1)[-1]), cloud_sources.own_metadata(told), None, datetime.now(UTC)
    )
    assert (origin.source, origin.device, origin.camera, origin.recording, origin.captured_at_from) == (
        found.source,
        found.device,
        found.camera,
        found.recording,
        found.captured_from,
    )
    assert datetime.fromisoformat(origin.captured_at) == found.captured


@settings(max_examples=300)
@given(st.datetimes(datetime(2000, 1, 1), datetime(9999, 12, 31)), st.sampled_from([None, BERLIN, "Asia/Kathmandu",
       "Pacific/Apia", "America/St_Johns", "Australia/Lord_Howe"]))  # fmt: skip
def test_every_clock_keeps_what_was_written(clock: datetime, zone: str | None) -> None:
    clock = clock.replace(microsecond=0)
    at, _ = capture.placed(clock, ZoneInfo(zone) if zone else None)
    assert at.replace(tzinfo=None) == clock and at.utcoffset() is not None


@settings(max_examples=300)
@given(WORDS, st.lists(WORDS, max_size=4))
def test_what_is_recognised_fits_a_key(name: str, folders: list[str]) -> None:
    found = recognise(folders, name)
    if found is not None:
        assert found.group and found.moment and re.fullmatch(r"[\w.~() -]{1,255}", found.group, re.ASCII)
        assert found.chapter is None or 0 <= found.chapter <= 9999
