"""Transcribe's subtitles as WebVTT and SubRip, from its transcript file (`impp_engines.transcripts`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impp_engines.transcripts import joined

_CUE_CHARACTERS = 80
_CUE_SECONDS = 7.0
_SENTENCE_END = (".", "?", "!")


def subtitles(document: dict[str, Any], kind: str, start_index: int = 0) -> str:
    """The transcript as `vtt` or `srt`; cues are numbered from `start_index` (0 is Transcribe's default)."""
    mark = "." if kind == "vtt" else ","
    text = "WEBVTT\n\n" if kind == "vtt" else ""
    for number, cue in enumerate(_cues(document["results"]["items"]), start=start_index):
        spoken = [item for item in cue if "start_time" in item]
        start, end = float(spoken[0]["start_time"]), float(spoken[-1]["end_time"])
        end = max(end, start + 0.001)
        text += f"{number}\n{_clock(start, mark)} --> {_clock(end, mark)}\n{_escaped(joined(cue), kind)}\n\n"
    return text


def _cues(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Items grouped for the screen: at most 80 characters and 7 seconds, split at the end of a sentence."""
    cue: list[dict[str, Any]] = []
    for item in items:
        if item["type"] == "pronunciation" and cue and _full(cue, item):
            yield cue
            cue = []
        cue.append(item)
    if cue:
        yield cue


def _full(cue: list[dict[str, Any]], following: dict[str, Any]) -> bool:
    start = float(cue[0]["start_time"])
    sentence_ends = cue[-1]["alternatives"][0]["content"] in _SENTENCE_END
    return (
        len(joined([*cue, following])) > _CUE_CHARACTERS
        or float(following["end_time"]) - start > _CUE_SECONDS
        or (sentence_ends and len(joined(cue)) > _CUE_CHARACTERS // 2)
    )


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


def _escaped(text: str, kind: str) -> str:
    """The text with WebVTT's markup characters escaped; SubRip has none."""
    return text.replace("&", "&amp;").replace("<", "&lt;") if kind == "vtt" else text
