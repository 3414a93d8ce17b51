"""What a model's artifact may contain, also with a Python whose tarfile has no filters."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from impp_local.services.sagemaker import container


def artifact(path: Path, member: tarfile.TarInfo, data: bytes = b"") -> Path:
    member.size = len(data)
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(params=["with filters", "without filters"], autouse=True)
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without filters":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


def test_a_file_loses_its_special_bits(tmp_path: Path) -> None:
    member = tarfile.TarInfo("code/inference.py")
    member.mode, member.uid = 0o4777, 4321
    container._unpack(artifact(tmp_path / "model.tar.gz", member, b"x = 1"), tmp_path / "model")
    unpacked = tmp_path / "model/code/inference.py"
    assert unpacked.read_bytes() == b"x = 1"
    assert stat.S_IMODE(unpacked.stat().st_mode) == 0o755 and unpacked.stat().st_uid == tmp_path.stat().st_uid


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE], ids=["link", "hard link", "device"]
)
def test_links_to_the_outside_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo("thing")
    member.type, member.linkname = kind, "/etc/hostname"
    with pytest.raises(tarfile.TarError, match=r"thing|/etc/hostname"):
        container._unpack(artifact(tmp_path / "model.tar.gz", member), tmp_path / "model")
    assert not (tmp_path / "model/thing").exists()


def test_a_path_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tarfile.TarError, match="outside"):
        container._unpack(artifact(tmp_path / "model.tar.gz", tarfile.TarInfo("../out"), b"x"), tmp_path / "model")
    assert not (tmp_path / "out").exists()
