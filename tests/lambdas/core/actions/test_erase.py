"""What belongs to an asset, and what only lies beside it."""

from __future__ import annotations

from typing import Any

import pytest

from impp_lambdas.core.actions import erase
from impp_lambdas.core.actions.erase import Version
from impp_lambdas.core.intake.originals import Original

KEY = "originals/dashcam/blackvue/2026/11/20/20261120_081500_NF.mp4"
ITEM: dict[str, Any] = {
    "bucket": "b", "key": KEY, "version": "v2", "size": 10, "crc64nvme": "CRC=",
    "also": {"b/originals/x/y/copy.mp4#c1"},
}  # fmt: skip


def version(name: str, size: int = 10, crc: str | None = "CRC=", key: str = KEY, marker: bool = False) -> Version:
    return Version(Original("b", key, name), size, {"CRC64NVME": crc} if crc else {}, marker)


def names(versions: tuple[Version, ...]) -> set[str]:
    return {one.original.version for one in versions}


def test_linked_and_equal_versions_go_and_other_content_stays() -> None:
    listed = [
        version("v1"),  # the same bytes; a newer version came before it was processed
        version("v2", crc=None),  # linked, though S3 has no checksum of it
        version("v3", crc="OTHER="),
        version("v4", size=11),
        version("c1", key="originals/x/y/copy.mp4"),
    ]
    split = erase.split(ITEM, listed)
    assert names(split.remove) == {"v1", "v2", "c1"} and names(split.keep) == {"v3", "v4"}


def test_any_checksum_of_a_linked_version_tells_its_equals() -> None:
    item = {**ITEM, "crc64nvme": None}
    linked, equal, other = (
        Version(Original("b", KEY, name), 10, {"SHA256": digest})
        for name, digest in (("v2", "same"), ("v1", "same"), ("v3", "different"))
    )
    split = erase.split(item, [linked, equal, other])
    assert names(split.remove) == {"v1", "v2"} and names(split.keep) == {"v3"}


def test_without_a_checksum_only_linked_versions_go() -> None:
    split = erase.split({**ITEM, "crc64nvme": None}, [version("v1", crc=None), version("v2")])
    assert names(split.remove) == {"v2"}


def test_a_delete_marker_goes_once_it_hides_nothing() -> None:
    marker = version("m", 0, None, marker=True)
    assert names(erase.split(ITEM, [version("v2"), marker]).remove) == {"v2", "m"}
    assert names(erase.split(ITEM, [version("v2"), version("v3", crc="OTHER="), marker]).remove) == {"v2"}


def test_a_sidecar_stays_while_another_clip_needs_it() -> None:
    metadata = {
        "impp-sidecars": "2026/11/20/20261120_081500_N/20261120_081500_N.gps 2026/11/20/a%20b/20261120_081500_NF.thm"
    }
    gps = "sidecars/dashcam/blackvue/2026/11/20/20261120_081500_N/20261120_081500_N.gps"
    thumbnail = "sidecars/dashcam/blackvue/2026/11/20/a b/20261120_081500_NF.thm"
    both = {"20261120_081500_NF.mp4", "20261120_081500_NR.mp4"}
    assert erase.sidecars(KEY, metadata, both) == ([thumbnail], [gps])
    assert erase.sidecars(KEY, metadata, {"20261120_081500_NF.mp4"}) == ([gps, thumbnail], [])


@pytest.mark.parametrize("written", ["../../phone/eve/x.thm", "/etc/x.thm", "a/../../../b.thm", "%2e%2e/%2e%2e/x.thm"])
def test_metadata_names_no_sidecar_of_another_device(written: str) -> None:
    assert erase.sidecars(KEY, {"impp-sidecars": written}, set()) == ([], [])


@pytest.mark.parametrize(
    ("item", "status", "why"),
    [
        (None, "refused", "no such asset"),
        ({**ITEM, "state": "processing"}, "refused", "being processed"),
        ({**ITEM, "state": "published", "hold": {"since": "2026-11-20"}}, "refused", "on hold since 2026-11-20"),
        ({**ITEM, "state": "failed"}, "would", "erase"),
    ],
)
def test_what_runs_or_is_held_is_not_erased(item: dict[str, Any] | None, status: str, why: str) -> None:
    decided = erase.decide(item, None)
    assert decided.status == status and why in decided.message


def test_erasing_twice_is_nothing() -> None:
    assert erase.decide(None, "2026-11-29T10:00:00Z").status == "nothing"
