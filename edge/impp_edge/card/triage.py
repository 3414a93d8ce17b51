"""Of the new files of one directory: which are not uploaded and why, and how urgent the others are.

Events come before routine, then the older before the newer, for the camera overwrites the oldest first. A clip's
sidecars come just before it: they are to be in the bucket when the clip's arrival starts the pipeline.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from impp_edge.card.board import EVENT, ROUTINE, Urgency
from impp_edge.card.find import Found
from impp_footage import cameras, formats, sidecars

HEAD = 512
"""Bytes that tell footage by its magic number."""
SIDECAR, TWIN, NO_CAMERA, NO_MEDIA = "sidecar", "low-resolution twin", "no known camera", "no media"
PRESSING = ("event", "manual")
"""Recordings that come before all others: what a camera noticed, and what somebody pressed a button for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to upload, ``after`` its sidecars at these paths, uploaded before or not."""

    found: Found
    urgency: Urgency
    after: tuple[bytes, ...] = ()


def unwanted(found: Found, siblings: Collection[str]) -> str | None:
    """Why a file is not uploaded; None if it is."""
    name, folders = found.relative.name, _folders(found)
    if kind := sidecars.is_sidecar(folders, name):
        clips = sidecars.clips(name, siblings)
        if kind == "data" or clips:
            return _unwanted_sidecar(found, kind, [name, *clips])
    if cameras.recognise(folders, name):
        return None
    if found.folder.unknown == "skip":
        return NO_CAMERA
    try:
        with found.path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None  # the upload reports it
    return None if formats.is_media(name, head) else NO_MEDIA


def order(files: Collection[Found], siblings: Collection[str]) -> list[Wanted]:
    """The files of one directory with their urgencies, sidecars first."""
    new = {found.relative.name: found for found in files}
    own = {name: _own_urgency(found) for name, found in new.items()}
    wanted = []
    for name, found in new.items():
        clips = [own[clip] for clip in _clips(found, siblings) if clip in own]
        if clips:
            rank, mtime, clip, _, _ = min(clips)
            wanted.append(Wanted(found, (rank, mtime, clip, 0, found.name)))
        else:
            wanted.append(Wanted(found, own[name], _sidecars(found, siblings)))
    return sorted(wanted, key=lambda one: one.urgency[3])


def _unwanted_sidecar(found: Found, kind: str, names: Collection[str]) -> str | None:
    """``names`` are its own and those of its clips: with ``unknown = "skip"`` one of them must be a camera's."""
    if found.folder.sidecars == "none":
        return SIDECAR
    if kind == "proxy" and found.folder.sidecars != "all":
        return TWIN
    if found.folder.unknown == "skip" and not any(cameras.recognise(_folders(found), name) for name in names):
        return NO_CAMERA
    return None


def _clips(found: Found, siblings: Collection[str]) -> list[str]:
    name = found.relative.name
    return sidecars.clips(name, siblings) if sidecars.is_sidecar(_folders(found), name) else []


def _sidecars(found: Found, siblings: Collection[str]) -> tuple[bytes, ...]:
    beside = os.path.dirname(found.raw)  # noqa: PTH120  # bytes
    return tuple(beside + b"/" + os.fsencode(name) for name in sidecars.of_clip(found.relative.name, siblings))


def _own_urgency(found: Found) -> Urgency:
    folders = _folders(found)
    known = cameras.recognise(folders, found.relative.name)
    recording = known.recording if known else cameras.recording_by_folder(folders)
    return (EVENT if recording in PRESSING else ROUTINE, found.mtime_ns, found.name, 1, found.name)


def _folders(found: Found) -> list[str]:
    """The names of the folders above a file, with the two last ones of the configured path: as identify sees them."""
    return [*found.folder.path.parts[-2:], *found.relative.parts[:-1]]
