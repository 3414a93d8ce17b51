"""The card of a run: its files, and what the edge script says about each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impp_edge import config as edge
from impp_local.demo import card, stages

PHOTO = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(600)
LATIN = os.fsdecode(b"caf\xe9.jpg")


def fill(folder: Path, **files: bytes) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def asked(folder: Path, media: Path) -> tuple[list[card.CardFile], dict[Path, card.Outcome]]:
    files = card.own_files(media)
    folder.mkdir(exist_ok=True)
    config = card.edge_config(folder, "a-bucket", "http://127.0.0.1:1", media)
    return files, card.ask_edge(config, files, media, stages.environment())


def test_each_file_has_what_the_edge_script_makes_of_it(tmp_path: Path) -> None:
    media = tmp_path / "card"
    fill(
        media,
        **{"DCIM/a.jpg": PHOTO, "DCIM/empty.mp4": b"", "notes.txt": b"hello", LATIN: PHOTO, "a\nb.jpg": PHOTO},
        **{"x.tmp": PHOTO, "lost+found/.hidden": PHOTO, ".Trashes/b.jpg": PHOTO, "FOUND.000/c.jpg": PHOTO},
    )
    (media / "link.jpg").symlink_to(media / "DCIM" / "a.jpg")
    (media / "folder").symlink_to(media / "DCIM")
    (media / "dangling.jpg").symlink_to(media / "nowhere")
    before = {path: path.lstat().st_mtime_ns for path in media.rglob("*")}
    files, outcomes = asked(tmp_path / "demo", media)
    found = {file.file: card.outcome_of(file, outcomes, media) for file in files}
    assert {name: outcome and (outcome.kind, outcome.reason) for name, outcome in found.items()} == {
        "DCIM/a.jpg": ("uploaded", None),
        "DCIM/empty.mp4": ("skipped", "empty"),
        "notes.txt": ("skipped", "no media"),
        r"caf\xe9.jpg": ("uploaded", None),
        "a\nb.jpg": ("uploaded", None),
        "x.tmp": ("skipped", "system or temporary file"),
        "FOUND.000/c.jpg": ("skipped", "system or temporary file"),
        "link.jpg": ("skipped", "link"),
        "folder": ("skipped", "link"),
        "dangling.jpg": ("skipped", "link"),
    }
    assert {path: path.lstat().st_mtime_ns for path in media.rglob("*")} == before
    assert not (tmp_path / "demo" / "edge").exists()  # nothing was remembered


def test_footage_that_the_edge_script_did_not_mention_is_not_called_skipped(tmp_path: Path) -> None:
    fill(tmp_path, **{"a.jpg": PHOTO})
    (file,) = card.own_files(tmp_path)
    assert card.outcome_of(file, {}, tmp_path) is None
    file.path.unlink()
    gone = card.outcome_of(file, {}, tmp_path)
    assert gone and gone.kind == "failed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no files"),
        ({".hidden.mp4": PHOTO}, "has no files"),
        ({"notes.txt": b"hello", "b.txt": b"", "c.tmp": b"x"}, "has 3 files, but no footage"),
        ({"notes.txt": b"hello"}, r"has 1 file, but no footage: 1 no media \(notes.txt\)"),
    ],
)
def test_a_folder_without_footage_is_refused_with_what_it_holds(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    media = tmp_path / "card"
    media.mkdir()
    fill(media, **files)
    with pytest.raises(card.CardError, match=message) as error:
        card.check_footage(media, *asked(tmp_path / "demo", media))
    assert "make demo MEDIA=<folder>" in str(error.value)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, **{"a.jpg": PHOTO})
    with pytest.raises(card.CardError, match=r"missing does not exist"):
        card.check_folder(tmp_path / "missing")
    with pytest.raises(card.CardError, match=rf"is a file; MEDIA takes a folder.*MEDIA='{tmp_path}'"):
        card.check_folder(tmp_path / "a.jpg")
    card.check_folder(tmp_path)


def test_the_edge_can_load_its_configuration(tmp_path: Path) -> None:
    own = tmp_path / os.fsdecode(b'odd "name" \xff \x7f')
    own.mkdir()
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "old").touch()  # what an earlier run remembered
    for media, folder, zone in ((None, tmp_path / "card", "UTC"), (own, own, None)):
        path = card.edge_config(tmp_path, "impp-local-123456789012-ingest", "http://127.0.0.1:1", media)
        read = edge.load(path, {}, (folder,))
        assert [(f.path, f.zone and f.zone.key) for f in read.folders] == [(folder, zone)]
        assert read.endpoint_url == "http://127.0.0.1:1" and read.settle_s == 0
        assert not read.state.exists()


def test_a_failed_edge_script_ends_the_run_with_its_message(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text('bucket = "x"\nfolderr = 1\n')
    with pytest.raises(card.EdgeError, match="folderr"):
        card.ask_edge(tmp_path / "edge.toml", [], tmp_path, stages.environment())
