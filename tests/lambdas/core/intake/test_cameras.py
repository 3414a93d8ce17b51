"""Camera names as they lie on real cards, and where an original comes from when nobody tells."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.core import keys
from impp_lambdas.core.intake import cameras, sources

AT = datetime(2026, 11, 20, 8, 15)
UPLOADED = datetime(2026, 11, 22, 10, tzinfo=UTC)

TOLD = {
    "source": "creator",
    "device": "Sony Ä7",
    "recording": "manual",
    "captured-at": "2026-11-20T09:15:00+01:00",
    "captured-at-from": "container",
    "camera": "b",
}

NAMES = [
    # path on the card, source, maker, camera, recording, taken
    ("Record/20261120_081500_NF.mp4", "dashcam", "blackvue", "front", "routine", AT),
    ("Record/20261120_081500_NR.mp4", "dashcam", "blackvue", "rear", "routine", AT),
    ("Record/20261120_081500_EFS.mp4", "dashcam", "blackvue", "front", "event", AT),
    ("Record/20261120_081500_PI.mp4", "dashcam", "blackvue", "interior", "parking", AT),
    ("Record/20261120_081500_MF.mp4", "dashcam", "blackvue", "front", "manual", AT),
    ("DCIM/Movie/2026_1120_081500_0012F.MP4", "dashcam", "viofo", "front", "routine", AT),
    ("DCIM/Movie/RO/2026_1120_081500_0012R.MP4", "dashcam", "viofo", "rear", "event", AT),
    ("DCIM/Movie/Parking/2026_1120_081500_0012PF.MP4", "dashcam", "viofo", "front", "parking", AT),
    ("20261120081500_000012.TS", "dashcam", "viofo", "front", "routine", AT),
    ("RecentClips/2026-11-20_08-15-00-front.mp4", "dashcam", "tesla", "front", "routine", AT),
    ("SentryClips/2026-11-20_08-15-30/2026-11-20_08-15-00-back.mp4", "dashcam", "tesla", "rear", "event", AT),
    ("SavedClips/x/2026-11-20_08-15-00-left_repeater.mp4", "dashcam", "tesla", "left-repeater", "event", AT),
    ("cont_rec/REC_20261120_081500_F.MP4", "dashcam", "thinkware", "front", "routine", AT),
    ("evt_rec/EVT_20261120_081500_R.MP4", "dashcam", "thinkware", "rear", "event", AT),
    ("parking_rec/PAK_20261120_081500_I.MP4", "dashcam", "thinkware", "interior", "parking", AT),
    ("DCIM/105EVENT/GRMN0023.MP4", "dashcam", "garmin", "front", "event", None),
    ("DCIM/105UNSVD/GRMN0024.MP4", "dashcam", "garmin", "front", "routine", None),
    ("DCIM/105PARKM/GRMN0025.MP4", "dashcam", "garmin", "front", "parking", None),
    ("Protected/261120_081500_001_RH.MP4", "dashcam", "nextbase", "rear", "event", AT),
    ("Normal/NO20261120-081500-000012F.MP4", "dashcam", "70mai", "front", "routine", AT),
    ("Event/EV20261120-081500-000012B.MP4", "dashcam", "70mai", "rear", "event", AT),
    ("20261120_081500_0001_E_A.MP4", "dashcam", "vantrue", "front", "event", AT),
    ("DCIM/100GOPRO/GX010023.MP4", "creator", "gopro", None, None, None),
    ("DJI_20261120081500_0001_D.MP4", "creator", "dji", None, None, AT),
    ("PXL_20261120_081500123.TS.mp4", "phone", "pixel", None, None, AT),
    ("VID_20261120_081500.mp4", "phone", "android", None, None, AT),
    ("20261120_081500.mp4", "phone", "samsung", None, None, AT),
    ("IMG_1234.MOV", "phone", "iphone", None, None, None),
]


@pytest.mark.parametrize(("path", "source", "maker", "camera", "recording", "taken"), NAMES, ids=[n[0] for n in NAMES])
def test_a_camera_is_known_by_its_names(
    path: str, source: str, maker: str, camera: str | None, recording: str | None, taken: datetime | None
) -> None:
    named = cameras.recognise(path)
    assert named
    assert (named.source, named.maker, named.camera, named.recording, named.taken) == (
        source,
        maker,
        camera,
        recording,
        taken,
    )


@pytest.mark.parametrize("name", ["holiday.mp4", "IMG_1234.txt", "20261320_081500_NF.md", "x/REC.mp4", "", "/"])
def test_other_names_are_nobodys(name: str) -> None:
    assert cameras.recognise(name) is None


def test_a_clock_that_was_never_set_is_no_time() -> None:
    named = cameras.recognise("19700101_000012_NF.mp4")
    assert named
    assert named.taken is None
    named = cameras.recognise("20261340_081500_NF.mp4")  # no 13th month
    assert named
    assert named.taken is None


@pytest.mark.parametrize(
    ("key", "own", "created", "expected"),
    [
        # what the edge says is believed
        (
            "originals/dashcam/my-car/2026/11/20/x.mp4",
            TOLD,
            None,
            ("creator", "sony-a7", "b", "manual", "2026-11-20T08:15:00Z", "container"),
        ),
        # then the key, the file name, the container
        (
            "originals/dashcam/my-car/2026/11/20/20261120_081500_ER.mp4",
            {},
            datetime(2026, 11, 20, 7, tzinfo=UTC),
            ("dashcam", "my-car", "rear", "event", "2026-11-20T08:15:00Z", "filename"),
        ),
        (
            "originals/phone/p/2026/11/20/IMG_1234.MOV",
            {},
            datetime(2026, 11, 20, 7, tzinfo=UTC),
            ("phone", "p", None, "manual", "2026-11-20T07:00:00Z", "container"),
        ),
        (
            "originals/phone/p/2026/11/20/x.mov",
            {},
            datetime(1970, 1, 1, tzinfo=UTC),
            ("phone", "p", None, "manual", "2026-11-20T00:00:00Z", "key"),
        ),
        # an object that just lies there
        (
            "originals/REC_20261120_081500_F.MP4",
            {},
            None,
            ("dashcam", "thinkware", "front", "routine", "2026-11-20T08:15:00Z", "filename"),
        ),
        (
            "originals/a/b/c.mp4",
            {"captured-at": "yesterday"},
            None,
            ("phone", "unknown", None, "manual", "2026-11-22T10:00:00Z", "upload"),
        ),
        # a day that does not exist, a time to come
        (
            "originals/phone/p/2026/13/40/x.mov",
            {},
            datetime(2036, 1, 1, tzinfo=UTC),
            ("phone", "p", None, "manual", "2026-11-22T10:00:00Z", "upload"),
        ),
    ],
)
def test_an_origin_is_pieced_together(
    key: str, own: dict[str, str], created: datetime | None, expected: tuple[str | None, ...]
) -> None:
    found = sources.infer(key, own, created, UPLOADED)
    assert (
        found.source,
        found.device,
        found.camera,
        found.recording,
        found.captured_at,
        found.captured_at_from,
    ) == expected


def test_metadata_is_read_whatever_its_case() -> None:
    assert sources.own_metadata({"impp-sha256": "a", "Impp-Source": "phone", "other": "b", "impp-device": ""}) == {
        "sha256": "a",
        "source": "phone",
    }


@given(
    st.text(max_size=300), st.dictionaries(st.sampled_from(["source", "device", "captured-at", "recording"]), st.text())
)
def test_no_name_and_no_metadata_breaks_it(name: str, own: dict[str, str]) -> None:
    found = sources.infer(f"originals/{name}", own, None, UPLOADED)
    assert found.source in sources.SOURCES
    assert found.recording in sources.RECORDINGS
    assert sources.slug(found.device) == found.device
    assert datetime.fromisoformat(found.captured_at).tzinfo is not None


@given(st.text(min_size=1), st.text(min_size=1), st.text())
def test_an_asset_has_one_id_and_it_looks_like_one(bucket: str, key: str, version: str) -> None:
    found = keys.asset_id(bucket, key, version, None)
    assert keys.ASSET_ID.fullmatch(found)
    assert found == keys.asset_id(bucket, key, version, "no sha")
    assert keys.asset_id(bucket, key, version, "ab" * 32) == "ab" * 10
