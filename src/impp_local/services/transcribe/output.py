"""Transcribe's output files: the transcript as JSON, and subtitles as WebVTT and SubRip.

Shapes as in https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output: times and confidences are
strings, punctuation is an item without times, and an audio segment lists the ids of its items.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from impp_engines.speech import Segment, Transcript

_MARKS = ".,?!"
_OUTER = _MARKS + "\"'\u2018\u2019\u201c\u201d\u2026()[]{}-\u2013\u2014*:;\u266a"
"""Characters around a word that are not part of it; $, % and the like are."""

_CUE_CHARACTERS = 80
_CUE_SECONDS = 7.0
_SENTENCE_END = (".", "?", "!")


@dataclass(frozen=True)
class Language:
    """The language of a job: its code, and the score of IdentifyLanguage."""

    code: str
    score: float | None = None


def document(job: str, account: str, transcript: Transcript, language: Language) -> dict[str, Any]:
    """The transcript file of a finished job."""
    items: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    for segment in transcript.segments:
        first = len(items)
        for item in _items(segment):
            items.append({"id": len(items), **item})
        if items[first:]:
            segments.append(_audio_segment(len(segments), items[first:]))
    results: dict[str, Any] = {
        "transcripts": [{"transcript": _joined(items)}],
        "items": items,
        "audio_segments": segments,
    }
    if language.score is not None:
        results["language_code"] = language.code
        results["language_identification"] = [{"score": f"{language.score:.4f}", "code": language.code}]
    return {"jobName": job, "accountId": account, "status": "COMPLETED", "results": results}


def _items(segment: Segment) -> Iterator[dict[str, Any]]:
    for word in segment.words:
        content = word.text.strip(_OUTER)
        suffix = word.text.rpartition(content)[2] if content else ""
        mark = next((letter for letter in suffix if letter in _MARKS), None)
        if content:
            yield {
                "type": "pronunciation",
                "alternatives": [{"confidence": f"{word.probability:.3f}", "content": content}],
                "start_time": _seconds(word.start),
                "end_time": _seconds(max(word.end, word.start)),
            }
        if mark:
            yield {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": mark}]}


def _seconds(value: float) -> str:
    return str(round(float(value), 3))


def _joined(items: list[dict[str, Any]]) -> str:
    """The items as text: a space before each word, none before punctuation."""
    text = ""
    for item in items:
        content = item["alternatives"][0]["content"]
        text += content if item["type"] == "punctuation" or not text else f" {content}"
    return text


def _audio_segment(number: int, items: list[dict[str, Any]]) -> dict[str, Any]:
    spoken = [item for item in items if "start_time" in item]
    return {
        "id": number,
        "transcript": _joined(items),
        "start_time": spoken[0]["start_time"],
        "end_time": spoken[-1]["end_time"],
        "items": [item["id"] for item in items],
    }


def subtitles(document: dict[str, Any], kind: str, start_index: int = 0) -> str:
    """The transcript as `vtt` or `srt`; cues are numbered from `start_index` (0 is Transcribe's default)."""
    mark = "." if kind == "vtt" else ","
    text = "WEBVTT\n\n" if kind == "vtt" else ""
    for number, cue in enumerate(_cues(document["results"]["items"]), start=start_index):
        spoken = [item for item in cue if "start_time" in item]
        start, end = float(spoken[0]["start_time"]), float(spoken[-1]["end_time"])
        end = max(end, start + 0.001)
        text += f"{number}\n{_clock(start, mark)} --> {_clock(end, mark)}\n{_escaped(_joined(cue), kind)}\n\n"
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
        len(_joined([*cue, following])) > _CUE_CHARACTERS
        or float(following["end_time"]) - start > _CUE_SECONDS
        or (sentence_ends and len(_joined(cue)) > _CUE_CHARACTERS // 2)
    )


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


def _escaped(text: str, kind: str) -> str:
    """The text with WebVTT's markup characters escaped; SubRip has none."""
    return text.replace("&", "&amp;").replace("<", "&lt;") if kind == "vtt" else text
