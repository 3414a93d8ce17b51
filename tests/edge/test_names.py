"""Names and folders of real cameras, and that no name at all can do harm."""

from __future__ import annotations

import io
import os
import re
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from impp_edge import find as find_module
from impp_edge import identify
from impp_edge.cameras import recognise
from impp_edge.config import Folder
from impp_edge.digest import digest
from impp_lambdas.core import cameras as cloud_cameras
from impp_lambdas.core import sources as cloud_sources

# path on the card | maker | source | camera | recording | capture time as written
TABLE = """
BlackVue/Record/20260115_081502_NF.mp4          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_NR.mp4          | blackvue  | dashcam | rear           | routine | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_NI.mp4          | blackvue  | dashcam | interior       | routine | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_EF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_PF.mp4          | blackvue  | dashcam | front          | parking | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_MR.mp4          | blackvue  | dashcam | rear           | manual  | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_IF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_OF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_AF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_TR.mp4          | blackvue  | dashcam | rear           | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_BF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_GF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_DI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_NFS.mp4         | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02
BlackVue/Record/20260115_081502_NFL.mp4         | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02
DCIM/Movie/2026_0115_081502_000123F.MP4         | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02
DCIM/Movie/2026_0115_081502_000124R.MP4         | viofo     | dashcam | rear           | routine | 2026-01-15 08:15:02
DCIM/Movie/2026_0115_081502_000125I.MP4         | viofo     | dashcam | interior       | routine | 2026-01-15 08:15:02
DCIM/Movie/2026_0115_081502_000126T.MP4         | viofo     | dashcam | telephoto      | routine | 2026-01-15 08:15:02
DCIM/Movie/Parking/2026_0115_081502_000127PF.MP4| viofo     | dashcam | front          | parking | 2026-01-15 08:15:02
DCIM/Movie/RO/2026_0115_081502_000128F.MP4      | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02
DCIM/Movie/2026_0115_081502_000129EF.MP4        | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02
DCIM/Movie/20260115081502_000130.TS             | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02
DCIM/RO/20260115081502_000131.MP4               | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02
TeslaCam/RecentClips/2026-01-15_08-15-02-front.mp4 | tesla  | dashcam | front          | routine | 2026-01-15 08:15:02
TeslaCam/RecentClips/2026-01-15_08-15-02-back.mp4  | tesla  | dashcam | rear           | routine | 2026-01-15 08:15:02
TeslaCam/SavedClips/x/2026-01-15_08-15-02-left_repeater.mp4|tesla|dashcam|left-repeater|event| 2026-01-15 08:15:02
TeslaCam/SentryClips/x/2026-01-15_08-15-02-right_pillar.mp4|tesla|dashcam|right-pillar|event| 2026-01-15 08:15:02
TeslaTrackMode/2026-01-15_08-15-02-front.mp4    | tesla     | dashcam | front          | manual  | 2026-01-15 08:15:02
cont_rec/REC_20260115_081502_F.MP4              | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02
cont_rec/REC_20260115_081502_R.MP4              | thinkware | dashcam | rear           | routine | 2026-01-15 08:15:02
evt_rec/EVT_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02
parking_rec/PAK_20260115_081502_F.MP4           | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02
motion_timelapse_rec/MOT_20260115_081502_I.MP4  | thinkware | dashcam | interior       | parking | 2026-01-15 08:15:02
manual_rec/MAN_20260115_081502_F.MP4            | thinkware | dashcam | front          | manual  | 2026-01-15 08:15:02
sos_rec/EXT_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02
PARK_20260115_081502.AVI                        | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02
DCIM/100EVENT/GRMN0001.MP4                      | garmin    | dashcam | front          | event   |
DCIM/103SAVED/GRMN0042.MP4                      | garmin    | dashcam | front          | event   |
DCIM/105UNSVD/GRMN9999.MP4                      | garmin    | dashcam | front          | routine |
DCIM/104PARKM/GRMN0007.MP4                      | garmin    | dashcam | front          | parking |
Videos/260115_081502_001_FH.MP4                 | nextbase  | dashcam | front          | routine | 2026-01-15 08:15:02
Protected/260115_081502_002_RH.MP4              | nextbase  | dashcam | rear           | event   | 2026-01-15 08:15:02
Videos/260115_081502_003_BH.MP4                 | nextbase  | dashcam | rear           | routine | 2026-01-15 08:15:02
Normal/NO20260115-081502-000123F.mp4            | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02
Normal/NO20260115-081502-000123B.mp4            | 70mai     | dashcam | rear           | routine | 2026-01-15 08:15:02
Event/EV20260115-081502-000124F.mp4             | 70mai     | dashcam | front          | event   | 2026-01-15 08:15:02
Parking/PA20260115-081502-000125.mp4            | 70mai     | dashcam | front          | parking | 2026-01-15 08:15:02
Lapse/LA20260115-081502-000126.mp4              | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02
Normal/NO20260115-081502.mp4                    | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02
Normal/20260115_081502_0001_N_A.MP4             | vantrue   | dashcam | front          | routine | 2026-01-15 08:15:02
Normal/20260115_081502_0002_N_B.MP4             | vantrue   | dashcam | interior       | routine | 2026-01-15 08:15:02
Event/20260115_081502_0003_E_C.MP4              | vantrue   | dashcam | rear           | event   | 2026-01-15 08:15:02
Parking/20260115_081502_0004_P_A.MP4            | vantrue   | dashcam | front          | parking | 2026-01-15 08:15:02
DCIM/100GOPRO/GX010123.MP4                      | gopro     | creator |                |         |
DCIM/100GOPRO/GH020123.MP4                      | gopro     | creator |                |         |
DCIM/100GOPRO/GXAB0001.MP4                      | gopro     | creator |                |         |
DCIM/100GOPRO/GOPR0123.MP4                      | gopro     | creator |                |         |
DCIM/100GOPRO/GP010123.MP4                      | gopro     | creator |                |         |
DCIM/DJI_001/DJI_20260115081502_0001_D.MP4      | dji       | creator |                |         | 2026-01-15 08:15:02
DCIM/100MEDIA/DJI_0042.MOV                      | dji       | creator |                |         |
DCIM/Camera/PXL_20260115_081502123.mp4          | pixel     | phone   |                |         | 2026-01-15 08:15:02
DCIM/Camera/PXL_20260115_081502123.TS.mp4       | pixel     | phone   |                |         | 2026-01-15 08:15:02
DCIM/Camera/PXL_20260115_081502123.MP.jpg       | pixel     | phone   |                |         | 2026-01-15 08:15:02
DCIM/Camera/IMG_20260115_081502.jpg             | android   | phone   |                |         | 2026-01-15 08:15:02
DCIM/Camera/VID_20260115_081502.mp4             | android   | phone   |                |         | 2026-01-15 08:15:02
DCIM/Camera/20260115_081502.mp4                 | samsung   | phone   |                |         | 2026-01-15 08:15:02
DCIM/Camera/20260115_081502(0).jpg              | samsung   | phone   |                |         | 2026-01-15 08:15:02
DCIM/101APPLE/IMG_0001.MOV                      | iphone    | phone   |                |         |
DCIM/101APPLE/IMG_E0002.HEIC                    | iphone    | phone   |                |         |
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()]
STRANGERS = [
    "holiday.mp4", "20261399_996199_NF.mp4", "IMG_1.MOV", "GX01.MP4", "REC_2026.MP4", "2026_0115_081502_000123X.MP4",
    "clip 1.mov", "VID.mp4", "20260115.mp4", "NO2026-01.mp4", "event.json", "a", "GRMN1.MP4", "DJI_1.MP4",
]  # fmt: skip


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(ROWS) >= 65


@pytest.mark.parametrize(("path", "maker", "source", "camera", "recording", "taken"), ROWS, ids=[r[0] for r in ROWS])
def test_known_cameras(path: str, maker: str, source: str, camera: str, recording: str, taken: str) -> None:
    *folders, name = path.split("/")
    found = recognise(folders, name)
    assert found is not None
    assert (found.maker, found.source, found.camera or "", found.recording or "") == (maker, source, camera, recording)
    assert (str(found.taken) if found.taken else "") == taken


@pytest.mark.parametrize("path", [row[0] for row in ROWS])
def test_the_pipeline_reads_the_same_names_the_same_way(path: str) -> None:
    """An object without our metadata must end as one with it: the cloud's own table may not say otherwise."""
    *folders, name = path.split("/")
    ours, theirs = recognise(folders, name), cloud_cameras.recognise(path)
    assert ours is not None and theirs is not None
    assert (ours.maker, ours.source, ours.camera, ours.taken) == (
        theirs.maker,
        theirs.source,
        theirs.camera,
        theirs.taken,
    )
    assert ours.recording == theirs.recording


@pytest.mark.parametrize("name", STRANGERS)
def test_other_names_are_no_cameras(name: str) -> None:
    found = recognise([], name)
    assert found is None or found.taken is None


def test_channels_of_one_moment_belong_together() -> None:
    moments = {
        recognise([], n).moment  # type: ignore[union-attr]
        for n in ("20260115_081502_NF.mp4", "20260115_081502_NR.mp4", "20260115_081502_N.gps", "20260115_081502_N.3gf")
    }
    assert moments == {"20260115_081502"}


def made(
    relative: str, mtime: float = 1_768_000_000.0, zone: str | None = "Europe/Berlin", body: bytes = b""
) -> identify.Identity:
    folder = Folder(Path("/media/card"), device=None, zone=ZoneInfo(zone) if zone else None)
    return identify.identify(folder, PurePosixPath(relative), mtime, io.BytesIO(body))


def test_times_are_kept_as_the_camera_wrote_them_with_their_offset() -> None:
    summer = made("20250715_081502_NF.mp4")
    assert summer.captured.isoformat() == "2025-07-15T08:15:02+02:00"
    assert identify.tags(summer, digest(io.BytesIO(), 1 << 20), {})["impp:timestamp"] == "2025-07-15T06:15:02Z"
    pixel = made("PXL_20250715_061502123.mp4")
    assert pixel.captured.isoformat() == "2025-07-15T08:15:02+02:00"  # a Pixel writes UTC
    late = made("PXL_20250715_233000123.mp4")
    assert identify.key(late, "x.mp4") == "originals/phone/pixel/2025/07/16/x.mp4"  # the day on the wall


def mvhd(when: datetime, version: int = 0) -> bytes:
    seconds = int((when - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())
    body = bytes([version, 0, 0, 0]) + seconds.to_bytes(8 if version else 4, "big") * 2 + bytes(80)
    inner = (len(body) + 8).to_bytes(4, "big") + b"mvhd" + body
    moov = (len(inner) + 8).to_bytes(4, "big") + b"moov" + inner
    return b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00" + b"\x00\x00\x00\x0cmdatDATA" + moov


def test_where_a_name_tells_no_time_the_container_does_and_then_the_file() -> None:
    when = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
    for version in (0, 1):
        found = made("DCIM/100EVENT/GRMN0001.MP4", body=mvhd(when, version))
        assert (found.captured, found.captured_from, found.doubt) == (when, "container", None)
    found = made("DCIM/100EVENT/GRMN0001.MP4", body=b"no container at all")
    assert (found.captured.timestamp(), found.captured_from) == (1_768_000_000.0, "mtime")


@pytest.mark.parametrize("name", ["19700101_000012_NF.mp4", "20990101_000000_NF.mp4"])
def test_a_clock_that_cannot_be_right_is_not_believed(name: str) -> None:
    found = made(name)
    assert found.captured_from == "mtime"
    assert name.startswith("1970") or found.doubt == "the name says 2099-01-01"


NAMES = st.one_of(
    st.text(min_size=1, max_size=255),
    st.binary(min_size=1, max_size=255).map(lambda b: b.decode("utf-8", "surrogateescape")),
    st.sampled_from([r[0].rsplit("/", 1)[-1] for r in ROWS]).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, len(n)), st.text(max_size=4)).map(
            lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :]
        )
    ),
)
SAFE = re.compile(r"originals/(dashcam|phone|creator)/[a-z0-9-]{1,63}/\d{4}/\d\d/\d\d/[^/\\\x00-\x1f\x7f]+", re.DOTALL)


@settings(max_examples=400, deadline=None)
@given(NAMES, NAMES, st.one_of(st.none(), st.text(max_size=80)), st.floats(-1e12, 1e12))
@example("..", "..", "../..", 0.0)
@example("a\n\r\x00.mp4", "%2e%2e", "\u202e", -1e12)
@example("20260115_081502_NF.mp4", "..", None, float(2**62))
@example("a", "b", None, 253402300799.0)
@example("a", "b", None, -62135596800.0)
def test_no_name_crashes_or_leaves_its_prefix(name: str, parent: str, device: str | None, mtime: float) -> None:
    name, parent = name.replace("/", "_"), parent.replace("/", "_")
    folder = Folder(Path("/card"), device=device)
    relative = PurePosixPath(parent) / name
    found = identify.identify(folder, relative, mtime, io.BytesIO(b"x"))
    content = digest(io.BytesIO(b"x"), 1 << 20)
    for key in (identify.key(found, name), identify.key(found, name, "0123abcd")):
        assert SAFE.fullmatch(key), key
        assert key.rsplit("/", 1)[-1] not in (".", "..")
        key.encode()
    data = identify.metadata(found, content, relative)
    assert all(v.isascii() and v.isprintable() and v == v.strip() for v in data.values())
    assert sum(len(k) + len(v) for k, v in data.items()) <= identify.METADATA_BYTES
    assert all(len(k) <= 128 and len(v) <= 256 for k, v in identify.tags(found, content, {}).items())


@given(st.binary(min_size=1, max_size=100))
def test_the_original_name_can_be_read_back_byte_for_byte(raw: bytes) -> None:
    name = os.fsdecode(raw.replace(b"/", b"_").replace(b"\x00", b"_"))
    if name not in (".", ".."):
        assert unquote_to_bytes(identify.original_name(PurePosixPath(name))) == os.fsencode(name)


@pytest.mark.parametrize("name", ["a b.mp4", "ü+%'\"&=.mp4", "100%.mov", "日本語.mp4", "a~b#c?.mp4"])
def test_printable_names_stay_as_they_are(name: str) -> None:
    assert identify.filename(name) == name
    origin = cloud_sources.infer(
        identify.key(made(name), name),
        {"original-name": identify.original_name(PurePosixPath(name))},
        None,
        datetime.now(UTC),
    )
    assert origin.source == "phone"


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (b"\x00\x00\x00\x18ftypmp42", True), (b"\x00\x00\x00\x08wide", True), (b"\x1aE\xdf\xa3", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", True), (b"RIFF\x00\x00\x00\x00WAVEfmt ", True), (b"\xff\xd8\xff\xe1", True),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", True), (b"\xff\xfb\x90", True),
        (b"", False), (b"plain text", False), (b"PK\x03\x04", False), (b"G" + bytes(400), False), (b"%PDF-1.7", False),
    ],
)  # fmt: skip
def test_footage_is_known_by_its_first_bytes(head: bytes, media: bool) -> None:
    assert identify.is_media("unknown", head) is media


@pytest.mark.parametrize("name", ["._20260115_081502_NF.mp4", "FSCK0001.REC", ".diskdb", "firmware.bin", "x.mp4.part",
                                  ".trashed-1768-IMG.jpg", "Thumbs.db", ".DS_Store"])  # fmt: skip
def test_junk_is_not_even_looked_at(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x00\x00\x00\x18ftypmp42")
    for junk in (".Trashes", "System Volume Information", "FOUND.000"):
        (tmp_path / junk).mkdir()
        (tmp_path / junk / "a.mp4").write_bytes(b"x")
    assert list(find_module.find(Folder(tmp_path), lambda *_: None)) == []
