"""The card of a run: the sample SD card, or a folder of the user's own; and what the edge script needs to read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from impp_local.demo.collect import CardFile
from impp_local.demo.facts import Expectation
from impp_local.demo.stages import sha256_of

MEDIA_SUFFIXES = frozenset(
    {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp"}
    | {".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg"}
)


class CardError(RuntimeError):
    """There is nothing to run on."""


def prepare(media: Path | None, folder: Path) -> list[CardFile]:
    """The files of the run, and the models that will look at them. Raises CardError for a folder without files."""
    from impp_local import assets

    assets.prepare()
    return own_files(media) if media else sample_files(folder)


def own_files(media: Path) -> list[CardFile]:
    """All files below the user's folder but hidden ones; nothing is copied or changed."""
    paths = sorted(path for path in media.rglob("*") if path.is_file() and not _hidden(path.relative_to(media)))
    if not any(path.suffix.lower() in MEDIA_SUFFIXES for path in paths):
        raise CardError(f"{media} holds no footage")
    return [_card_file(path, media) for path in paths]


def sample_files(folder: Path) -> list[CardFile]:
    """Make the sample SD card in this folder, anew."""
    from impp_local.sample_card import make_sample_card

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return [
        _card_file(Path(made.path), folder, Expectation(made.state, made.reason, made.note))
        for made in make_sample_card(folder)
    ]


def _card_file(path: Path, root: Path, expected: Expectation | None = None) -> CardFile:
    media = path.suffix.lower() in MEDIA_SUFFIXES
    return CardFile(path, path.relative_to(root).as_posix(), sha256_of(path), media, expected)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def edge_config(folder: Path, bucket: str, endpoint: str, media: Path | None) -> Path:
    """Write the edge script's configuration for this run; returns its path. Its state starts empty, as the cloud."""
    state = folder / "edge.sqlite"
    for old in folder.glob("edge.sqlite*"):
        old.unlink()
    settings = {
        "bucket": bucket,
        "endpoint_url": endpoint,
        "state": str(state),
        "folder": str(media or folder / "card"),
    }
    path = folder / "edge.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()), "utf-8")
    return path
