"""Chapters, and a suggested title and description for YouTube, from the transcript and the changes of scene, by rules.

YouTube's rules: a title has at most 100 characters, a description 5,000 bytes, the tags 500 characters together, and
none of them `<` or `>` (YouTube Data API, "Videos", `snippet`). Chapters are lines of the description: the first is at
0:00, there are at least three, and each is at least 10 s long (YouTube Help, "Add chapters to your videos").

A chapter begins with a sentence, preferably after a long pause or where the scene changes. A sentence stands for a
passage if its words are frequent there and rare elsewhere; that needs no list of words and works in any language.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impp_engines.languages import is_spaced

if TYPE_CHECKING:
    from impp_lambdas.core.results.captions import Word

VERSION = 1
MAX_DESCRIPTION, MAX_TAGS = 5000, 500
MIN_CHAPTER_S, MIN_CHAPTERS = 10.0, 3
CHAPTERS = 8
"""As many chapters are aimed at, of :data:`SHORTEST_S` to :data:`LONGEST_S`."""
SHORTEST_S, LONGEST_S = 30.0, 300.0
HEADLINE = 60
"""Characters of a title: YouTube shows as many of a chapter's, and of a film's in a list."""
SUMMARY = 300
"""Characters of what the description quotes."""

_SENTENCE = (".", "?", "!", "…", "。", "？", "！")  # noqa: RUF001
_PAUSE_S = 1.5
"""A pause that ends a sentence even without punctuation."""
_SCENE_S = 2.0
"""A sentence begins with a scene if the change is that close."""
_TELLING = range(3, 16)
"""Words of a sentence that may stand for others: "Yes." says nothing, and a long one does not fit."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, and when it is said, in seconds."""

    text: str
    start: float
    end: float

    @property
    def terms(self) -> list[str]:
        """Its words without punctuation, in lower case."""
        return re.findall(r"\w[\w'’-]*", self.text.lower())  # noqa: RUF001


def suggest(
    asset: str, spoken: Sequence[Word], language: str | None, duration_s: float, scenes: Sequence[float]
) -> dict[str, Any] | None:
    """The document `youtube.json`; None if nobody speaks. `scenes` are the times of changes of scene, in seconds."""
    said = sentences(spoken, language)
    if not said:
        return None
    starts = _starts(said, duration_s, scenes)
    passages = [
        [s for s in said if begin <= s.start < end] for begin, end in zip(starts, [*starts[1:], math.inf], strict=True)
    ]
    rarity = _rarity(passages)
    chapters = [(int(start), _headline(part, rarity)) for start, part in zip(starts, passages, strict=True)]
    if len(chapters) < MIN_CHAPTERS:
        chapters = []
    summary = _shortened(" ".join(sentence.text for sentence in said[:3]), SUMMARY)
    lines = [f"{_clock(start)} {title}" for start, title in chapters]
    description = "\n".join([summary, *(["", *lines] if lines else [])])
    return {
        "version": VERSION,
        "asset": asset,
        "language": language,
        "title": _headline(passages[0] or said, rarity, said),  # a talk begins with what it is about
        "description": description.encode()[:MAX_DESCRIPTION].decode("utf-8", "ignore"),
        "tags": _tags(said),
        "chapters": [{"t": start, "title": title} for start, title in chapters],
    }


def sentences(spoken: Sequence[Word], language: str | None) -> list[Sentence]:
    """The sentences of a transcript."""
    space = " " if is_spaced(language) else ""
    result: list[Sentence] = []
    first = 0
    for at, word in enumerate(spoken, 1):
        is_last = at == len(spoken)
        if is_last or word.text.endswith(_SENTENCE) or spoken[at].start - word.end >= _PAUSE_S:
            text = _clean(space.join(part.text for part in spoken[first:at]))
            if re.search(r"\w", text):
                result.append(Sentence(text, spoken[first].start, word.end))
            first = at
    return result


def _starts(said: Sequence[Sentence], duration_s: float, scenes: Sequence[float]) -> list[float]:
    """Where chapters begin: at 0, then near each multiple of the length aimed at, where it fits best."""
    end = max(duration_s, said[-1].end)
    length = min(max(end / CHAPTERS, SHORTEST_S), LONGEST_S)
    last = end - max(0.75 * length, MIN_CHAPTER_S)
    starts = [0.0]
    while True:
        earliest, latest = starts[-1] + length / 2, min(starts[-1] + 1.5 * length, last)
        options = [
            (_fitness(said, at, scenes) - abs(s.start - starts[-1] - length) / length, s.start)
            for at, s in enumerate(said)
            if at and max(earliest, starts[-1] + MIN_CHAPTER_S + 1) <= s.start <= latest
        ]
        if options:
            starts.append(max(options)[1])
        elif following := [s.start for s in said if latest < s.start <= last]:
            starts.append(following[0])  # after a long silence
        else:
            return starts


def _fitness(said: Sequence[Sentence], at: int, scenes: Sequence[float]) -> float:
    """How much a sentence looks like the beginning of something: seconds of silence before it, and a new scene."""
    pause = min(max(said[at].start - said[at - 1].end, 0.0), 3.0)
    return pause + (1.0 if any(abs(scene - said[at].start) <= _SCENE_S for scene in scenes) else 0.0)


def _rarity(passages: Sequence[Sequence[Sentence]]) -> dict[str, float]:
    """The inverse document frequency of each word, each passage being a document."""
    sets = [{term for sentence in passage for term in sentence.terms} for passage in passages]
    counts = Counter(term for terms in sets for term in terms)
    return {term: math.log((1 + len(sets)) / count) for term, count in counts.items()}


def _headline(passage: Sequence[Sentence], rarity: dict[str, float], whole: Sequence[Sentence] | None = None) -> str:
    """The sentence of a passage that stands for it, or for the `whole` that it belongs to, shortened.

    A long silence has none of its own."""
    if not passage:
        return "…"
    frequency = Counter(term for sentence in whole or passage for term in sentence.terms)

    def weight(sentence: Sentence) -> float:
        terms = sentence.terms
        return sum(frequency[term] * rarity.get(term, 0.0) * min(len(term), 8) for term in set(terms)) / math.sqrt(
            len(terms)
        )

    telling = [sentence for sentence in passage if len(sentence.terms) in _TELLING]
    chosen = max(telling, key=weight) if telling else passage[0]
    text = _shortened(chosen.text.rstrip("".join(_SENTENCE) + " ,;:"), HEADLINE)
    return text[:1].upper() + text[1:]


def _tags(said: Sequence[Sentence]) -> list[str]:
    """The most frequent long words, at most ten."""
    counts = Counter(term for sentence in said for term in sentence.terms if len(term) >= 5 and not term.isdigit())
    frequent = [term for term, count in counts.most_common() if count >= 2][:10]
    return [term for at, term in enumerate(frequent) if sum(map(len, frequent[: at + 1])) + at <= MAX_TAGS]


def _shortened(text: str, most: int) -> str:
    """The text, cut after a word, with an ellipsis, if it is longer than `most` characters."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:") + "…"


def _clean(text: str) -> str:
    """What is said comes from a file: no markup, no control characters."""
    return " ".join("".join(" " if c in "<>" or not c.isprintable() else c for c in text).split())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
