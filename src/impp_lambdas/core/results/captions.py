"""Captions as WebVTT and SubRip, from a transcript in Amazon Transcribe's output format, whichever engine wrote it.

Rules of Netflix's Timed Text Style Guide (General Requirements, and English Template: at most 2 lines of 42 characters;
5/6 to 7 seconds; the text on one line unless it is too long; lines end after punctuation; at most half a second beyond
the sound). Here a caption stays at least one second. Among all ways to cut a passage the one with the lowest cost is
taken, so that captions end with sentences or clauses rather than where the space ends.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from impp_engines.languages import is_spaced

LINE, LINES = 42, 2
MIN_S, MAX_S = 1.0, 7.0
LINGER_S = 0.5
"""Longest time that a caption stays after its sound, unless it would be shorter than `MIN_S`: 12 frames at 24 fps."""
PASSAGE_S = 2.0
"""A pause that no caption spans."""
PAUSE_S = 0.4
"""A pause that is as good a place to cut as a comma."""

_SENTENCE = (".", "?", "!", "…", "。", "？", "！")  # noqa: RUF001
_CLAUSE = (",", ";", ":", "、", "，", "；", "：")  # noqa: RUF001
_PER_CAPTION, _IN_CLAUSE, _IN_PHRASE, _NEXT_SENTENCE = 1.0, 1.0, 4.0, 1.5
_TOO_SHORT, _STUB, _STUB_WIDTH = 6.0, 1.5, 12


@dataclass(frozen=True)
class Word:
    """A word with its punctuation; seconds from the start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Caption:
    """One or two lines that are shown from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


def words(document: Mapping[str, Any]) -> list[Word]:
    """The words of a transcript document, punctuation attached, in order of time; one longer than a line in pieces."""
    result: list[Word] = []
    for item in document.get("results", {}).get("items", ()):
        text = " ".join(str(item["alternatives"][0]["content"]).split())
        if not text:
            continue
        if "start_time" in item:
            start, end = float(item["start_time"]), float(item["end_time"])
            result.append(Word(text, start, max(start, end)))
        elif result:
            last = result[-1]
            result[-1] = Word(last.text + text, last.start, last.end)
    result.sort(key=lambda word: word.start)
    return [piece for word in result for piece in _pieces(word)]


def captions(spoken: Sequence[Word], language: str | None = None) -> list[Caption]:
    """Captions for words in order of time; `language` such as `en-US` says whether spaces separate them."""
    space = " " if is_spaced(language) else ""
    cues = [cue for passage in _passages(spoken) for cue in _cut(passage, space)]
    shown = []
    for at, cue in enumerate(cues):
        begin, following = cue[0].start, cues[at + 1][0].start if at + 1 < len(cues) else math.inf
        end = min(max(cue[-1].end + LINGER_S, begin + MIN_S), begin + MAX_S, following)
        shown.append(Caption(begin, max(end, begin + 0.001), _lines([word.text for word in cue], space)))
    return shown


def webvtt(shown: Iterable[Caption]) -> str:
    """The captions as WebVTT (https://www.w3.org/TR/webvtt1/), its markup escaped."""
    text = "WEBVTT\n\n"
    for number, caption in enumerate(shown, 1):
        lines = "\n".join(_escaped(line) for line in caption.lines)
        text += f"{number}\n{_clock(caption.start, '.')} --> {_clock(caption.end, '.')}\n{lines}\n\n"
    return text


def subrip(shown: Iterable[Caption]) -> str:
    """The captions as SubRip. It cannot escape its arrow, so the text has another one."""
    text = ""
    for number, caption in enumerate(shown, 1):
        lines = "\n".join(caption.lines).replace("-->", "→")
        text += f"{number}\n{_clock(caption.start, ',')} --> {_clock(caption.end, ',')}\n{lines}\n\n"
    return text


def _pieces(word: Word) -> Iterator[Word]:
    """A word, cut where it is longer than a line; each piece takes its share of the time."""
    if _width(word.text) <= LINE:
        yield word
        return
    size = LINE // 2  # wide characters count twice
    parts = [word.text[at : at + size] for at in range(0, len(word.text), size)]
    each = (word.end - word.start) / len(parts)
    for number, part in enumerate(parts):
        yield Word(part, word.start + number * each, word.start + (number + 1) * each)


def _passages(spoken: Sequence[Word]) -> Iterator[Sequence[Word]]:
    first = 0
    for at in range(1, len(spoken) + 1):
        if at == len(spoken) or spoken[at].start - spoken[at - 1].end >= PASSAGE_S:
            yield spoken[first:at]
            first = at


def _cut(passage: Sequence[Word], space: str) -> list[Sequence[Word]]:
    """The captions of a passage with the lowest cost: `best[i]` is that of the first `i` words, and where its last
    caption begins."""
    widths = [_width(word.text) for word in passage]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(passage) + 1):
        options = []
        for begin in range(end - 1, -1, -1):
            is_single = end - begin == 1
            if not is_single and not (
                passage[end - 1].end - passage[begin].start <= MAX_S and _fits(widths[begin:end], len(space))
            ):
                break
            options.append((best[begin][0] + _cost(passage, begin, end, widths), begin))
        best.append(min(options))
    cues, end = [], len(passage)
    while end:
        begin = best[end][1]
        cues.append(passage[begin:end])
        end = begin
    return cues[::-1]


def _cost(passage: Sequence[Word], begin: int, end: int, widths: Sequence[int]) -> float:
    """How bad it is to show these words as one caption."""
    last = passage[end - 1]
    cost = _PER_CAPTION
    if end < len(passage) and not last.text.endswith(_SENTENCE):
        pause = passage[end].start - last.end
        cost += _IN_CLAUSE if last.text.endswith(_CLAUSE) or pause >= PAUSE_S else _IN_PHRASE
        if any(word.text.endswith(_SENTENCE) for word in passage[begin : end - 1]):
            cost += _NEXT_SENTENCE
    until = passage[end].start if end < len(passage) else math.inf
    if until - passage[begin].start < MIN_S:
        cost += _TOO_SHORT
    if sum(widths[begin:end]) < _STUB_WIDTH:
        cost += _STUB
    return cost


def _fits(widths: Sequence[int], space: int) -> bool:
    """Whether words of these widths fit on the lines of one caption."""
    lines, line = 1, -space
    for width in widths:
        if line + space + width > LINE:
            lines, line = lines + 1, -space
        line += space + width
    return lines <= LINES


def _lines(texts: Sequence[str], space: str) -> tuple[str, ...]:
    """The words on one line if they fit, else on two: about equally long, the first ending with punctuation if that
    is not much worse."""
    whole = space.join(texts)
    if _width(whole) <= LINE:
        return (whole,)
    pairs = [(space.join(texts[:at]), space.join(texts[at:])) for at in range(1, len(texts))]
    fitting = [pair for pair in pairs if max(map(_width, pair)) <= LINE]
    return min(fitting, key=_imbalance)


def _imbalance(pair: tuple[str, str]) -> float:
    upper, lower = map(_width, pair)
    return abs(upper - lower) - (20 if pair[0].endswith((*_SENTENCE, *_CLAUSE)) else 0)


def _width(text: str) -> int:
    """Columns: East Asian wide characters take two (Unicode Standard Annex 11)."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _clock(seconds: float, mark: str) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
