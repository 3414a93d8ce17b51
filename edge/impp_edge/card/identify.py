"""What a file on a card is: its source, device and camera, why it was recorded, and when."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO

from impp_edge.card.capture import capture_time
from impp_edge.config import Folder
from impp_footage import reader, sidecars
from impp_footage.cameras import recognise, recording_by_folder
from impp_footage.integrity import integrity
from impp_footage.slug import slug


@dataclass(frozen=True)
class Identity:
    """What a file is: ``captured`` is aware, the camera's wall clock; ``captured_from`` filename, event, container, gps
    or mtime; ``doubt`` what contradicts that time. ``moment``, ``group`` and ``chapter`` come from
    :class:`Recognised`; ``truncated`` names what a clip lacks whose end was never written; ``sidecar``: it belongs to
    a clip (a low-resolution twin without its clip is a clip itself)."""

    source: str
    device: str
    camera: str | None
    recording: str
    captured: datetime
    captured_from: str
    zone: str
    moment: str | None
    doubt: str | None
    group: str | None = None
    chapter: int | None = None
    truncated: str | None = None
    sidecar: bool = False


def identify(folder: Folder, relative: PurePosixPath, mtime: float, file: BinaryIO) -> Identity:
    """Identify the file at ``relative`` below a folder, open for reading as ``file``. Raises OSError."""
    folders = [*folder.path.parts[-2:], *relative.parts[:-1]]
    name = relative.name
    known = recognise(folders, name)
    source = folder.source or (known.source if known else None) or _likely_source(name)
    recording = (known.recording if known else None) or (
        (recording_by_folder(folders) or "routine") if source == "dashcam" else "manual"
    )
    footage = reader.of_file(file)
    when = capture_time(folder, relative, known, mtime, footage)
    return Identity(
        source=source,
        device=slug(folder.device or (known.maker if known else "unknown")),
        camera=known.camera if known else None,
        recording=recording,
        captured=when.at,
        captured_from=when.source,
        zone=when.zone,
        moment=known.moment if known else None,
        doubt=when.doubt,
        group=known.group if known else None,
        chapter=known.chapter if known else None,
        truncated=integrity(footage, name).reason,
        sidecar=_is_sidecar(folder, relative, folders),
    )


def _is_sidecar(folder: Folder, relative: PurePosixPath, folders: list[str]) -> bool:
    kind = sidecars.is_sidecar(folders, relative.name)
    beside = (folder.path / relative).parent
    return kind == "data" or (
        kind == "proxy" and any(os.path.lexists(beside / clip) for clip in sidecars.clip_names(relative.name))
    )


def _likely_source(name: str) -> str:
    """The source of a file whose name is unknown: a phone, unless the name suggests a dash cam."""
    return "dashcam" if re.search(r"dash|drive|cam[ _-]?(front|rear)", name, re.IGNORECASE) else "phone"
