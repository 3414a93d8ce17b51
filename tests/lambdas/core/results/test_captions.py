"""Captions follow the guideline for any transcript, and end where sentences do."""

from __future__ import annotations

import html
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.core.results.captions import LINE, LINES, MAX_S, MIN_S, Word, captions, subrip, webvtt, words

DICKENS = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness. "
    "It was the epoch of belief. In short, the period was so far like the present period that some of its noisiest "
    "authorities insisted on its being received, for good or for evil, in the superlative degree of comparison only."
)


def spoken(text: str, per_word_s: float = 0.35, pause_s: float = 0.05) -> list[Word]:
    """A text read at an even pace."""
    step = per_word_s + pause_s
    return [Word(word, at * step, at * step + per_word_s) for at, word in enumerate(text.split())]


def test_captions_are_at_most_two_lines_of_42_characters_for_one_to_seven_seconds() -> None:
    shown = captions(spoken(DICKENS))
    for caption in shown:
        assert len(caption.lines) <= 2 and max(map(len, caption.lines)) <= 42
        assert 1.0 <= caption.end - caption.start <= 7.0
    assert " ".join(line for caption in shown for line in caption.lines) == DICKENS


def test_captions_end_with_sentences_and_clauses_where_they_can() -> None:
    shown = captions(spoken(DICKENS))
    assert [" / ".join(caption.lines) for caption in shown] == [
        "It was the best of times, / it was the worst of times,",
        "it was the age of wisdom, / it was the age of foolishness.",
        "It was the epoch of belief.",
        "In short, the period was so / far like the present period",
        "that some of its noisiest authorities / insisted on its being received,",
        "for good or for evil, in the / superlative degree of comparison only.",
    ]


def test_a_pause_ends_a_caption_and_a_short_word_stays_for_a_second() -> None:
    shown = captions([Word("Stop!", 1.0, 1.2), Word("Go", 9.0, 9.3), Word("on.", 9.4, 9.6)])
    assert [(c.start, round(c.end, 3), c.lines) for c in shown] == [
        (1.0, 2.0, ("Stop!",)),
        (9.0, 10.1, ("Go on.",)),
    ]


def test_languages_without_spaces_are_joined_without_them() -> None:
    text = "我们今天去北京看一看长城然后回家吃饭休息明天再去上海见朋友。"
    shown = captions([Word(sign, at * 0.2, at * 0.2 + 0.2) for at, sign in enumerate(text)], "zh-CN")
    assert "".join(line for caption in shown for line in caption.lines) == text
    assert all(len(line) <= 21 for caption in shown for line in caption.lines), "each takes two columns"


def test_both_formats_say_the_same_and_markup_is_text() -> None:
    shown = captions([Word("<b>&", 3661.0, 3661.4), Word("-->", 3661.5, 3662.0)])
    assert webvtt(shown) == "WEBVTT\n\n1\n01:01:01.000 --> 01:01:02.500\n&lt;b&gt;&amp; --&gt;\n\n"
    assert subrip(shown) == "1\n01:01:01,000 --> 01:01:02,500\n<b>& →\n\n"
    assert (webvtt([]), subrip([])) == ("WEBVTT\n\n", "")


def item(content: str, start: float | None = None, end: float = 0.0) -> dict[str, Any]:
    times = {} if start is None else {"start_time": str(start), "end_time": str(end)}
    kind = "punctuation" if start is None else "pronunciation"
    return {"type": kind, "alternatives": [{"confidence": "0.9", "content": content}], **times}


def test_words_come_with_their_punctuation_and_in_order() -> None:
    items = [item("!"), item("Hello", 0.5, 0.9), item(","), item("two\nlines", 2.0, 2.5), item("early", 1.0, 1.2)]
    items += [item(""), item("x" * 50, 3.0, 4.0), item(".")]
    assert words({"results": {"items": items}}) == [
        Word("Hello,", 0.5, 0.9),
        Word("early", 1.0, 1.2),
        Word("two lines", 2.0, 2.5),
        Word("x" * 21, 3.0, pytest.approx(3 + 1 / 3)),
        Word("x" * 21, pytest.approx(3 + 1 / 3), pytest.approx(3 + 2 / 3)),
        Word("x" * 8 + ".", pytest.approx(3 + 2 / 3), 4.0),
    ]
    assert words({"results": {}}) == words({}) == []


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=60)


@given(st.lists(st.tuples(TEXTS, st.floats(0, 3), st.floats(0, 9))), st.sampled_from(["en-US", "ja-JP", None]))
def test_any_transcript_gives_captions_in_order_that_lose_no_word(
    read: list[tuple[str, float, float]], language: str | None
) -> None:
    items, now = [], 0.0
    for text, pause, length in read:
        items.append(item(text, now + pause, now + pause + length))
        now += pause + length
    shown = captions(words({"results": {"items": items}}), language)
    for caption in shown:
        assert len(caption.lines) <= LINES
        assert all(0 < len(line) <= LINE for line in caption.lines)
        assert 0 < caption.end - caption.start <= MAX_S + 1e-6
    for caption, following in pairwise(shown):
        assert caption.end <= following.start or following.start - caption.start < 0.002
    if shown:
        assert shown[-1].end - shown[-1].start >= MIN_S - 1e-6
    lines = "".join(line for caption in shown for line in caption.lines)
    assert lines.replace(" ", "") == "".join(text for text, *_ in read)
    cues = re.findall(r"^(\d+)\n\S+ --> \S+\n((?:.+\n)+)", webvtt(shown), re.MULTILINE)
    assert [int(number) for number, _ in cues] == list(range(1, len(shown) + 1))
    assert "".join(html.unescape(text).replace("\n", "") for _, text in cues) == lines
