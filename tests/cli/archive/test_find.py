"""`impp find`, and the copy of the index that it searches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.archive_account import DELIVERY, ArchiveAccount

from impp_cli.archive.assets import Assets, UnknownAsset
from impp_cli.archive.documents import Documents
from impp_cli.archive.index import Index
from impp_cli.aws import AwsError, Kind
from impp_lambdas.core.results import index as documents

PERSON = "a" * 20
FERRY = "b" * 20
BROKEN = "a1" + "c" * 18


def entry(asset: str, day: int, **values: Any) -> dict[str, Any]:
    key = f"originals/dashcam/blackvue/2026/10/{day:02}/{values.get('name', 'clip.mp4')}"
    known = {"asset": asset, "state": "published", "captured_at": f"2026-10-{day:02}T08:00:00Z", "key": key}
    return {**known, "name": "clip.mp4", "device": "blackvue", "camera": "front", **values}


class Archive:
    """Writes the index as Publish does, and counts requests for documents."""

    def __init__(self, account: ArchiveAccount) -> None:
        self.account = account
        self._index = Documents(account.s3, DELIVERY).index

    def put(self, new: dict[str, Any], words: dict[str, Any] | None = None) -> None:
        self._index.put(new["captured_at"][:16], new["asset"], lambda _: new, words or {})

    def remove(self, month: str, asset: str) -> None:
        self._index.remove(month, asset)

    def requested(self) -> list[str]:
        """Keys of the documents that were requested since the last call."""
        keys, self._keys = self._keys, []
        return keys

    _keys: list[str]


@pytest.fixture
def index(archive: ArchiveAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    account = Archive(archive)
    account._keys = []
    get = Index._get

    def counted(self: Index, key: str, etag: str | None = None) -> Any:
        account._keys.append(key)
        return get(self, key, etag)

    monkeypatch.setattr(Index, "_get", counted)
    account.put(
        entry(PERSON, 17, people=True, recording="event", labels=["Person", "Car"]),
        {"labels": [["Person", 3.0, 4.0], ["Car", 0.0, 9.0]], "text": [["STOP", 2.0]]},
    )
    account.put(entry(FERRY, 18, camera="rear"), {"speech": [[1.5, "We take"], [12.0, "the Café ferry, don't we?"]]})
    account.put(entry(BROKEN, 19, state="quarantined", reason="The file is \x1b[31mincomplete."))
    yield account


def found(archive: ArchiveAccount, *arguments: str) -> list[str]:
    """Ids of what a search prints as JSON."""
    result = archive.impp("find", "--json", *arguments)
    assert result.exit_code in (0, 3), result.output
    return [match["asset"] for match in json.loads(result.output)["matches"]]


SEARCHES: list[tuple[list[str], list[str]]] = [
    (["person"], [PERSON]),
    (["pers"], [PERSON]),
    (["erson"], []),
    (["stop", "car"], [PERSON]),
    (["stop", "ferry"], []),
    (["cafe ferry"], [FERRY]),
    (["ferry cafe"], []),
    (["ferry", "cafe"], [FERRY]),
    (["don't"], [FERRY]),
    (["2026-10-18"], [FERRY]),
    (["rear"], [FERRY]),
    (["quarantined"], [BROKEN]),
    (["--state", "quarantined"], [BROKEN]),
    (["--event"], [PERSON]),
    (["--person"], [PERSON]),
    (["--camera", "rear"], [FERRY]),
    (["--device", "blackvue", "--since", "2026-10-18T00:00+00:00"], [BROKEN, FERRY]),
    (["--until", "2026-10-18T00:00+00:00"], [PERSON]),
    (["--since", "1h"], []),
    ([], [BROKEN, FERRY, PERSON]),
    (["--limit", "1"], [BROKEN]),
    (['" OR *'], []),
    (["ferry OR person"], []),
    (["'); DROP TABLE words; --"], []),
]


def test_words_and_filters_select(archive: ArchiveAccount, index: Archive) -> None:
    for arguments, expected in SEARCHES:  # one account for all: to make one takes longer than a search
        assert found(archive, *arguments) == expected, arguments


def test_each_hit_names_its_second(archive: ArchiveAccount, index: Archive) -> None:
    result = archive.impp("find", "--json", "stop", "person")
    (match,) = json.loads(result.output)["matches"]
    hits = [(hit["kind"], hit["second"], hit["text"]) for hit in match["hits"]]
    assert hits == [("read", 2.0, "STOP"), ("seen", 3.0, "Person")] and match["people"] is True
    text = archive.impp("find", "ferry").output
    assert f"{FERRY}  2026-10-18 08:00:00  blackvue  rear  clip.mp4" in text
    assert "0:12  said “the Café ferry, don't we?”" in text


def test_nothing_is_an_exit_code_and_a_terminal_is_safe(archive: ArchiveAccount, index: Archive) -> None:
    nothing = archive.impp("find", "xylophone")
    assert nothing.exit_code == 3 and "Nothing matches" in nothing.output
    assert "\x1b[31m" not in archive.impp("find", "quarantined").output
    assert "the newest 1 of 3" in archive.impp("find", "--limit", "1").output
    wrong = archive.impp("find", "--since", "soon")
    assert wrong.exit_code == 2 and "is not a time: write 2026-10-17" in wrong.output


def test_without_a_connection_the_copy_answers(
    archive: ArchiveAccount, index: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any) -> Any:
        raise AwsError(Kind.UNREACHABLE, "no route")

    first = Index._get
    monkeypatch.setattr(Index, "_get", unreachable)
    assert archive.impp("find", "ferry").exit_code == 1, "there is no copy yet"
    monkeypatch.setattr(Index, "_get", first)
    assert found(archive, "ferry") == [FERRY]
    monkeypatch.setattr(Index, "_get", unreachable)
    monkeypatch.setattr("impp_cli.archive.index.FRESH_S", 0.0)
    result = archive.impp("find", "ferry")
    assert (
        result.exit_code == 0
        and FERRY in result.output
        and "Not reachable: using the copy of the index from 20" in result.output
    )


def test_an_empty_archive_is_not_an_error(archive: ArchiveAccount) -> None:
    assert archive.impp("find", "ferry").exit_code == 3


def test_only_what_has_changed_is_requested_and_nothing_within_a_minute(
    archive: ArchiveAccount, index: Archive
) -> None:
    copy = Index(archive.environment, lambda: archive.account, archive.environ)
    copy.refresh(now=1000.0)
    assert index.requested() == ["index/shards.json", "index/2026/10.json", "index/2026/10.words.json"]
    copy.refresh(now=1059.0)
    assert index.requested() == []
    copy.refresh(now=1061.0)
    assert index.requested() == ["index/shards.json"], "nothing has changed"
    index.put({**entry("d" * 20, 1), "captured_at": "2026-11-01T08:00:00Z"})
    index.remove("2026-10", PERSON)
    index.put(entry(FERRY, 18, camera="interior"), {"speech": [[1.0, "hello"]]})
    index.requested()
    copy.refresh(now=2000.0)
    assert len(index.requested()) == 5
    assert [one["asset"] for one in copy.entries()] == ["d" * 20, BROKEN, FERRY]
    assert (copy.entry(FERRY) or {})["camera"] == "interior" and copy.entry(PERSON) is None
    assert copy.words(FERRY) == {"speech": [[1.0, "hello"]]}
    leftover = copy.copy.execute("SELECT count(*) FROM words WHERE words MATCH 'café OR person'").fetchone()
    assert leftover == (0,)


def test_of_a_month_that_has_been_split_only_the_changed_part_is_requested(
    archive: ArchiveAccount, index: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Index(archive.environment, lambda: archive.account, archive.environ)
    copy.refresh(now=1000.0)
    monkeypatch.setattr(documents, "MAX_ASSETS", 3)
    early = entry("e" * 20, 2)
    index.put(early)
    copy.refresh(now=2000.0)
    assert {one["asset"] for one in copy.entries()} == {PERSON, FERRY, BROKEN, early["asset"]}
    assert copy.words(FERRY)["speech"], "what has moved into a part keeps its words"
    index.requested()
    index.put({**early, "camera": "rear"})
    copy.refresh(now=3000.0)
    assert set(index.requested()) == {
        "index/shards.json", "index/2026/10.json", "index/2026/10-0.json", "index/2026/10-0.words.json",
    }  # fmt: skip
    assert [one["camera"] for one in copy.entries() if one["asset"] == early["asset"]] == ["rear"]
    assert len(list(copy.entries())) == 4
    index.remove(early["captured_at"][:16], early["asset"])
    index.requested()
    copy.refresh(now=4000.0)
    assert index.requested() == ["index/shards.json", "index/2026/10.json"], "an emptied part costs no request"
    assert {one["asset"] for one in copy.entries()} == {PERSON, FERRY, BROKEN}


def test_an_asset_that_moves_to_another_month_is_there_once(archive: ArchiveAccount, index: Archive) -> None:
    copy = Index(archive.environment, lambda: archive.account, archive.environ)
    copy.refresh(now=1000.0)
    index.put({**entry(PERSON, 17), "captured_at": "2026-11-17T08:00:00Z"})
    index.remove("2026-10", PERSON)
    copy.refresh(now=2000.0)
    assert [one["asset"] for one in copy.entries()] == [PERSON, BROKEN, FERRY]


def test_a_damaged_copy_is_made_again_and_is_private(archive: ArchiveAccount, index: Archive) -> None:
    assert found(archive, "ferry") == [FERRY]
    (file,) = (archive.config / "cache" / "impp" / "index").glob("*.sqlite")
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"no database" * 1000)
    assert found(archive, "ferry") == [FERRY]


def test_the_beginning_of_an_id_and_the_key_of_what_is_gone_are_assets(archive: ArchiveAccount, index: Archive) -> None:
    copy = Index(archive.environment, lambda: archive.account, archive.environ)
    copy.refresh()
    assets = Assets(archive.environment, archive.account, lambda: copy)
    for asset in (PERSON, FERRY):
        archive.put_item(f"ASSET#{asset}", {"asset": asset})
    assert assets.resolve("bbbb").id == assets.resolve("BBBBBB").id == FERRY
    index.put(entry("aaaa" + "0" * 16, 20, name="gone.mp4"))
    archive.put_item("ASSET#aaaa" + "0" * 16, {"asset": "aaaa" + "0" * 16})
    copy.refresh(now=10**10)
    with pytest.raises(UnknownAsset, match=f"Several assets begin with aaaa: aaaa{'0' * 16}, {PERSON}. Give more"):
        assets.resolve("aaaa")
    with pytest.raises(UnknownAsset, match="No asset in dev begins with ffff"):
        assets.resolve("ffff")
    assert assets.resolve("originals/dashcam/blackvue/2026/10/20/gone.mp4").id == "aaaa" + "0" * 16
    assert assets.resolve("gone.mp4").id == "aaaa" + "0" * 16
    with pytest.raises(UnknownAsset, match="Several assets have the name"):
        assets.resolve("clip.mp4")


@pytest.mark.parametrize("argument", ["", "s3://", "x" * 3000, "a\0b", "s3:///key", "../../etc/passwd"])
def test_what_can_be_no_asset_says_so(archive: ArchiveAccount, argument: str) -> None:
    result = archive.impp("show", argument)
    assert result.exit_code == 3 and result.output.startswith("Error: "), result.output


def test_a_file_that_was_uploaded_without_its_sha256_is_found_by_its_crc64(
    archive: ArchiveAccount, index: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere.mp4"
    file.write_bytes(b"123456789")
    for asset, crc in ((PERSON, None), (FERRY, "rosUhgp5mIg=")):  # the check value of CRC-64/NVME
        index.put(entry(asset, 18, bytes=9))
        archive.put_item(f"ASSET#{asset}", {"asset": asset, **({"crc64nvme": crc} if crc else {})})
    copy = Index(archive.environment, lambda: archive.account, archive.environ)
    copy.refresh()
    assets = Assets(archive.environment, archive.account, lambda: copy)
    assert assets.resolve(str(file)).id == FERRY
    file.write_bytes(b"987654321")
    with pytest.raises(UnknownAsset, match=f"These have its size .*{PERSON}"):
        assets.resolve(str(file))
