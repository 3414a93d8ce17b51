"""Which new files of a directory are not uploaded and why, and how urgent the others are.

Events come before routine clips, then older before newer, because the camera overwrites the oldest first. A clip's
sidecars come just before it: they must be in the bucket when the clip's arrival starts the pipeline.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from impp_edge.card.find import CardFile, open_file
from impp_edge.card.work_queue import EVENT, ROUTINE, Urgency
from impp_footage import cameras, formats, sidecars

SIDECAR, TWIN, NO_CAMERA, NO_MEDIA = "sidecar", "low-resolution twin", "no known camera", "no media"
PRESSING = ("event", "manual")
"""Recordings that come before all others: triggered by the camera, or by somebody pressing a button."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to upload, ``after`` its sidecars at these paths, whether uploaded before or not."""

    file: CardFile
    urgency: Urgency
    after: tuple[bytes, ...] = ()


def skip_reason(card_file: CardFile, siblings: Collection[str]) -> str | None:
    """Why a file is not uploaded; None if it is."""
    folders, name = _place(card_file)
    if kind := sidecars.is_sidecar(folders, name):
        clips = sidecars.clips(name, siblings)
        if kind == "data" or clips:
            return _sidecar_skip_reason(card_file, kind, folders, [name, *clips])
    if cameras.recognise(folders, name):
        return None
    if card_file.folder.unknown == "skip":
        return NO_CAMERA
    try:
        with open_file(card_file) as file:
            head = file.read(formats.HEAD_BYTES)
    except OSError:
        return None  # the upload reports it
    return None if formats.is_media(name, head) else NO_MEDIA


def order(files: Collection[CardFile], siblings: Collection[str]) -> list[Candidate]:
    """The files of one directory with their urgencies, sidecars first."""
    new = {card_file.names[-1]: card_file for card_file in files}
    own = {name: _own_urgency(card_file) for name, card_file in new.items()}
    candidates = []
    for name, card_file in new.items():
        clips = [own[clip] for clip in _clips(card_file, siblings) if clip in own]
        if clips:
            rank, mtime, clip, _, _ = min(clips)
            candidates.append(Candidate(card_file, (rank, mtime, clip, 0, card_file.name)))
        else:
            candidates.append(Candidate(card_file, own[name], _sidecars(card_file, siblings)))
    return sorted(candidates, key=lambda candidate: candidate.urgency[3])


def _sidecar_skip_reason(card_file: CardFile, kind: str, folders: list[str], names: Collection[str]) -> str | None:
    """Why a sidecar is not uploaded. ``names`` are its own and those of its clips: with ``unknown = "skip"`` one of
    them must be a known camera's."""
    if card_file.folder.sidecars == "none":
        return SIDECAR
    if kind == "proxy" and card_file.folder.sidecars != "all":
        return TWIN
    if card_file.folder.unknown == "skip" and not any(cameras.recognise(folders, n) for n in names):
        return NO_CAMERA
    return None


def _clips(card_file: CardFile, siblings: Collection[str]) -> list[str]:
    folders, name = _place(card_file)
    return sidecars.clips(name, siblings) if sidecars.is_sidecar(folders, name) else []


def _sidecars(card_file: CardFile, siblings: Collection[str]) -> tuple[bytes, ...]:
    beside = os.path.dirname(card_file.raw)  # noqa: PTH120  # bytes
    return tuple(beside + b"/" + os.fsencode(name) for name in sidecars.of_clip(card_file.names[-1], siblings))


def _own_urgency(card_file: CardFile) -> Urgency:
    folders, name = _place(card_file)
    known = cameras.recognise(folders, name)
    recording = known.recording if known else cameras.recording_by_folder(folders)
    return (EVENT if recording in PRESSING else ROUTINE, card_file.mtime_ns, card_file.name, 1, card_file.name)


def _place(card_file: CardFile) -> tuple[list[str], str]:
    """The names of the folders above a file, with the last two of the configured path, as for :func:`identify`; and its
    own name."""
    *folders, name = card_file.names
    return [*card_file.folder.path.parts[-2:], *folders], name
