"""Weights come from a folder, a source or the developer's cache, in this order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impp_engines import assets, weights


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that has every file."""
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(weights, "_source", None)
    monkeypatch.setattr(assets, "path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache"


def test_without_configuration_weights_come_from_the_cache(cache: Path) -> None:
    assert weights.path("whisper-base/model.bin") == cache / "whisper-base/model.bin"


def test_a_folder_comes_before_the_source_and_the_source_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    weights.set_source(lambda name: asked.append(name) or tmp_path / "fetched" / name)  # type: ignore[func-returns-value]
    second = tmp_path / "second"
    (second / "whisper-base").mkdir(parents=True)
    (second / "whisper-base/model.bin").write_bytes(b"weights")
    monkeypatch.setenv(weights.VARIABLE, os.pathsep.join([str(tmp_path / "first"), "", str(second)]))
    assert weights.path("whisper-base/model.bin") == second / "whisper-base/model.bin"
    assert weights.path("nanodet.onnx") == tmp_path / "fetched" / "nanodet.onnx"
    assert asked == ["nanodet.onnx"]
