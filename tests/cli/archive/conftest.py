"""A deployed environment for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.archive_account import ArchiveAccount, archive_account


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ArchiveAccount]:
    with archive_account(monkeypatch, tmp_path / "config") as account:
        yield account
