"""What the argument ASSET may be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.support.archive_account import INGEST, ArchiveAccount

from impp_cli.archive.assets import Assets, UnknownAsset

KEY = "originals/dashcam/blackvue/2026/10/17/20261017_081612_EF.mp4"
CONTENT = b"footage"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ID = SHA256[:20]


@pytest.fixture
def assets(archive: ArchiveAccount) -> Assets:
    version = archive.put_original(KEY, CONTENT)
    archive.put_item(f"CLAIM#{INGEST}/{KEY}#{version}", {"asset": ID})
    archive.put_item(f"ASSET#{ID}", {"asset": ID, "sha256": SHA256, "usd": 0.25, "size": 7})
    archive.add_to_set(f"ASSET#{ID}", "also", ["b", "a"])
    return Assets(archive.environment, archive.account)


def test_an_asset_is_its_id_its_key_its_address_or_its_file(assets: Assets, tmp_path: Path) -> None:
    file = tmp_path / "copy.mp4"
    file.write_bytes(CONTENT)
    arguments = [ID, ID.upper(), KEY, f"s3://{INGEST}/{KEY}", str(file)]
    assert [assets.resolve(argument).id for argument in arguments] == [ID] * 5
    assert [asset.id for asset in assets.resolve_all(arguments)] == [ID]
    item = assets.resolve(ID).item
    assert (item["usd"], item["size"], item["also"]) == (0.25, 7, ["a", "b"])


def test_what_is_no_asset_is_refused_with_what_it_would_take(
    assets: Assets, archive: ArchiveAccount, tmp_path: Path
) -> None:
    file = tmp_path / "other.mp4"
    file.write_bytes(b"other")
    archive.put_original("originals/new.mp4", b"new")
    for argument, message in (
        ("0" * 20, "There is no asset 0{20} in dev"),
        (str(file), f"no asset has its SHA-256, {hashlib.sha256(b'other').hexdigest()}"),
        ("originals/none.mp4", "is not an asset, an object in impp-dev-ingest or a file here"),
        ("originals/new.mp4", "is uploaded but not processed yet"),
    ):
        with pytest.raises(UnknownAsset, match=message):
            assets.resolve(argument)


def test_a_file_that_only_shares_an_id_is_not_the_asset(
    assets: Assets, archive: ArchiveAccount, tmp_path: Path
) -> None:
    archive.put_item(f"ASSET#{ID}", {"asset": ID, "sha256": ID + "0" * 44})
    file = tmp_path / "copy.mp4"
    file.write_bytes(CONTENT)
    with pytest.raises(UnknownAsset, match="is not in dev"):
        assets.resolve(str(file))


def test_a_file_that_is_named_like_an_id_does_not_stand_in_for_its_asset(
    assets: Assets, archive: ArchiveAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uploader names the files that `impp get` writes, and `impp erase <id>` would erase another asset."""
    planted = hashlib.sha256(b"planted").hexdigest()
    archive.put_item(f"ASSET#{planted[:20]}", {"asset": planted[:20], "sha256": planted})
    (tmp_path / ID).write_bytes(b"planted")
    monkeypatch.chdir(tmp_path)
    assert assets.resolve(ID).id == ID
    assert assets.resolve(f"./{ID}").id == planted[:20]
