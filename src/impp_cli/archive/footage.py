"""Files on this machine as the pipeline would see them, by their names and their containers, without decoding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from impp_cli.archive import containers
from impp_cli.archive.containers.reader import Unpriced
from impp_footage import formats, reader
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake import facts, sources
from impp_lambdas.core.intake.facts import Facts, Streams

HEAD: Final = 64 * 1024


@dataclass(frozen=True)
class File:
    """A file; `facts` is None for footage that has no quote, and `why` is the reason, a clause."""

    path: Path
    facts: Facts | None
    container: str
    why: str | None = None


def files(folder: Path) -> Iterator[File]:
    """All footage below a folder, in order of names. Raises OSError."""
    for directory, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(directory) / name
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                head = file.read(HEAD)
                if head and formats.is_media(name, head):
                    container = formats.sniff(head) or formats.of_name(name) or "unknown"
                    try:
                        streams = _streams(container, reader.of_file(file), head)
                    except Unpriced as error:
                        yield File(path, None, container, str(error))
                    else:
                        yield File(path, _facts(path, folder, streams), container)


def _facts(path: Path, folder: Path, streams: Streams) -> Facts:
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    origin = sources.infer(f"originals/{folder.name}/{path.relative_to(folder).as_posix()}", {}, None, modified)
    return Facts.of(streams, origin, status.st_size, None, None)


def _streams(container: str, file: RangeReader, head: bytes) -> Streams:
    if formats.is_image(container):
        return facts.image(container, formats.image_size(head))
    return containers.streams(container, file, head)
