"""A transcript in the form of Amazon Transcribe's output files, whichever engine has made it.

Shapes as in https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output: times and confidences are
strings, punctuation is an item without times, and an audio segment lists the ids of its items.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from impp_engines.languages import is_spaced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impp_engines.speech import Segment

_MARKS = ".,?!"
_OUTER = _MARKS + "\"'\u2018\u2019\u201c\u201d\u2026()[]{}-\u2013\u2014*:;\u266a"
"""Characters around a word that are not part of it; $, % and the like are."""


class Language(NamedTuple):
    """The language of a transcript: its code, such as `en-US`, and the score if it was identified."""

    code: str
    score: float | None = None


def document(job: str, account: str, spoken: Iterable[Segment], language: Language) -> dict[str, Any]:
    """The transcript file of a finished job, from the segments of the recording."""
    items: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    space = " " if is_spaced(language.code) else ""
    for segment in spoken:
        first = len(items)
        for item in _items(segment):
            items.append({"id": len(items), **item})
        if items[first:]:
            segments.append(_audio_segment(len(segments), items[first:], space))
    results: dict[str, Any] = {
        "transcripts": [{"transcript": joined(items, space)}],
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


def joined(items: list[dict[str, Any]], space: str = " ") -> str:
    """The items as text: a space before each word, none before punctuation."""
    text = ""
    for item in items:
        content = item["alternatives"][0]["content"]
        text += content if item["type"] == "punctuation" or not text else f"{space}{content}"
    return text


def _audio_segment(number: int, items: list[dict[str, Any]], space: str) -> dict[str, Any]:
    spoken = [item for item in items if "start_time" in item]
    return {
        "id": number,
        "transcript": joined(items, space),
        "start_time": spoken[0]["start_time"],
        "end_time": spoken[-1]["end_time"],
        "items": [item["id"] for item in items],
    }
