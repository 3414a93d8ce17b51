"""Where an original comes from and when it was captured, by metadata, key, file name and container."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_footage.slug import slug
from impp_lambdas.core import keys
from impp_lambdas.core.intake import sources

UPLOADED = datetime(2026, 11, 22, 10, tzinfo=UTC)

TOLD = {
    "source": "creator",
    "device": "Sony Ä7",
    "recording": "manual",
    "captured-at": "2026-11-20T09:15:00+01:00",
    "captured-at-from": "container",
    "camera": "b",
}


@pytest.mark.parametrize(
    ("key", "own", "created", "expected"),
    [
        # the key decides source and device; metadata adds the rest
        (
            "originals/dashcam/my-car/2026/11/20/x.mp4",
            TOLD,
            None,
            ("dashcam", "my-car", "b", "manual", "2026-11-20T08:15:00Z", "container"),
        ),
        ("originals/x.mp4", TOLD, None, ("creator", "sony-a7", "b", "manual", "2026-11-20T08:15:00Z", "container")),
        # then the file name, the container
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
        # times to come, times before film, and times that UTC does not have
        *[
            (key, {"captured-at": claimed}, None, ("dashcam", "d", None, "routine", "2026-11-22T10:00:00Z", "upload"))
            for key, claimed in (
                ("originals/dashcam/d/x.mp4", "2026-11-25T00:00:00Z"),
                ("originals/dashcam/d/x.mp4", "9999-12-31T23:59:59-14:00"),
                ("originals/dashcam/d/x.mp4", "0001-01-01T00:00:00+14:00"),
                ("originals/dashcam/d/x.mp4", "1815-06-18"),
                ("originals/dashcam/d/9999/12/31/99991231_235959.mp4", ""),
            )
        ],
        # a day that does not exist, a time to come
        (
            "originals/phone/p/2026/13/40/x.mov",
            {},
            datetime(2036, 1, 1, tzinfo=UTC),
            ("phone", "p", None, "manual", "2026-11-22T10:00:00Z", "upload"),
        ),
    ],
)
def test_infers_the_origin_from_key_then_metadata_then_name_then_container(
    key: str, own: dict[str, str], created: datetime | None, expected: tuple[str | None, ...]
) -> None:
    origin = sources.infer(key, own, created, UPLOADED)
    assert (
        origin.source,
        origin.device,
        origin.camera,
        origin.recording,
        origin.captured_at,
        origin.captured_at_from,
    ) == expected


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"source": "phone"}, "the source phone, its key dashcam"),
        ({"device": "red-car"}, "the device red-car, its key blue-car"),
        ({"captured-at": "2019-11-20T08:15:00+01:00"}, "captured on 2019-11-20, its key 2026-11-20"),
        ({"source": "dashcam", "device": "Blue Car", "captured-at": "2026-11-20T23:59:59-12:00"}, None),
        ({"captured-at": "2026-11-19T23:59:59Z"}, None),
        ({"captured-at": "2026-11-21T10:00:00+14:00"}, None),
        ({"captured-at": "yesterday"}, None),
        ({}, None),
    ],
)
def test_metadata_that_contradicts_the_key_is_named(own: dict[str, str], words: str | None) -> None:
    contradiction = sources.contradiction("originals/dashcam/blue-car/2026/11/20/x.mp4", own)
    assert contradiction is None if words is None else words in str(contradiction)
    assert sources.contradiction("originals/x.mp4", own) is None


def test_reads_metadata_in_any_case() -> None:
    assert sources.own_metadata({"impp-sha256": "a", "Impp-Source": "phone", "other": "b", "impp-device": ""}) == {
        "sha256": "a",
        "source": "phone",
    }


@given(
    st.text(max_size=300), st.dictionaries(st.sampled_from(["source", "device", "captured-at", "recording"]), st.text())
)
def test_any_name_and_metadata_give_an_origin(name: str, own: dict[str, str]) -> None:
    origin = sources.infer(f"originals/{name}", own, None, UPLOADED)
    assert origin.source in sources.SOURCES
    assert origin.recording in sources.RECORDINGS
    assert slug(origin.device) == origin.device
    assert datetime.fromisoformat(origin.captured_at).tzinfo is not None


@given(st.text(min_size=1), st.text(min_size=1), st.text())
def test_an_object_version_has_one_asset_id(bucket: str, key: str, version: str) -> None:
    asset = keys.asset_id(bucket, key, version, None)
    assert keys.ASSET_ID.fullmatch(asset)
    assert asset == keys.asset_id(bucket, key, version, "no sha")
    assert keys.asset_id(bucket, key, version, "ab" * 32) == "ab" * 10
