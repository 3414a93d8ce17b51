"""Enforcement belongs to one cloud."""

from __future__ import annotations

from pathlib import Path

from impp_local.cloud import LocalCloud
from impp_local.iam import enforcement


def test_enforcement_ends_with_its_cloud(tmp_path: Path) -> None:
    with LocalCloud(port=0, state=tmp_path, enforce=True):
        assert enforcement.is_on()
    assert not enforcement.is_on()
