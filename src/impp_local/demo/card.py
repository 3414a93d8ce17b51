"""The card of a run: the sample SD card, or a folder of the user's own; and what the edge script needs to read it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from impp_footage.formats import is_media
from impp_footage.sidecars import is_sidecar
from impp_local.demo.collect import CardFile
from impp_local.demo.facts import Expectation
from impp_local.demo.stages import sha256_of
from impp_local.kernel.defaults import REGION


class CardError(RuntimeError):
    """The folder has no footage."""


def prepare(media: Path | None, folder: Path) -> list[CardFile]:
    """The files of the run; the models are prepared too. Raises CardError for a folder without footage."""
    from impp_engines import assets

    assets.prepare()
    return own_files(media) if media else sample_files(folder)


def own_files(media: Path) -> list[CardFile]:
    """All files below the user's folder except hidden ones; nothing is copied or changed."""
    paths = sorted(path for path in media.rglob("*") if path.is_file() and not _hidden(path.relative_to(media)))
    files = [_card_file(path, media) for path in paths]
    if not any(file.media for file in files):
        raise CardError(f"{media} holds no footage")
    return files


def sample_files(folder: Path) -> list[CardFile]:
    """Generate the sample SD card in this folder, replacing an earlier one."""
    from impp_local.demo.sample_card import make_sample_card

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return [
        _card_file(Path(sample.path), folder, Expectation(sample.state, sample.reason, sample.note))
        for sample in make_sample_card(folder)
    ]


def _card_file(path: Path, root: Path, expected: Expectation | None = None) -> CardFile:
    with path.open("rb") as file:
        media = is_media(path.name, file.read(512)) and not is_sidecar(list(path.parent.parts), path.name)
    return CardFile(path, path.relative_to(root).as_posix(), sha256_of(path), media, expected)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def edge_config(folder: Path, bucket: str, endpoint: str, media: Path | None) -> Path:
    """Write the edge script's configuration; returns its path. The edge's state starts empty, as the cloud's does."""
    state = folder / "edge"
    shutil.rmtree(state, ignore_errors=True)
    # Nothing writes to the card, so no file has to settle. The times in the sample's names are UTC on every machine.
    settings = {
        "bucket": bucket, "endpoint_url": endpoint, "region": REGION, "state": str(state.absolute()),
        "settle_s": 0, "truncated_after_s": 0,
    }  # fmt: skip
    source = {"path": str((media or folder / "card").absolute())} | ({} if media else {"timezone": "UTC"})
    lines = [*_settings(settings), "", "[[folder]]", *_settings(source)]
    path = folder / "edge.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _settings(values: Mapping[str, object]) -> list[str]:
    """TOML lines; a JSON string of plain text is a TOML string as well."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
