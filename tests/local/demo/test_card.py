"""The card of a run, and the configuration of the edge script."""

from __future__ import annotations

from pathlib import Path

import pytest

from impp_edge import config as edge
from impp_local.demo import card


def test_a_card_has_every_visible_file_and_stays_untouched(tmp_path: Path) -> None:
    for name in ("DCIM/a.mp4", "DCIM/a.srt", "DCIM/a.thm", "notes.txt", ".Trashes/b.mp4", "DCIM/._a.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    files = card.own_files(tmp_path)
    assert [(file.file, file.media) for file in files] == [
        ("DCIM/a.mp4", True), ("DCIM/a.srt", False), ("DCIM/a.thm", False), ("notes.txt", False),
    ]  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_without_footage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(card.CardError, match="holds no footage"):
        card.own_files(tmp_path)


def test_the_edge_can_load_its_configuration(tmp_path: Path) -> None:
    own = tmp_path / 'odd "name" ü'
    own.mkdir()
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "old").touch()  # what an earlier run remembered
    for media, folder, zone in ((None, tmp_path / "card", "UTC"), (own, own, None)):
        path = card.edge_config(tmp_path, "impp-local-123456789012-ingest", "http://127.0.0.1:1", media)
        read = edge.load(path, {})
        assert [(f.path, f.zone and f.zone.key) for f in read.folders] == [(folder, zone)]
        assert read.endpoint_url == "http://127.0.0.1:1" and read.settle_s == 0
        assert not read.state.exists()
