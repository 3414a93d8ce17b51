"""Suggestions for YouTube keep its limits, whatever was said, and chapters begin where something begins."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from tests.support.paths import REPOSITORY

from impp_lambdas.core.results.captions import Word
from impp_lambdas.core.results.youtube import suggest

ASSET = "0b" * 10
SCHEMA = json.loads((REPOSITORY / "schemas/youtube.v1.schema.json").read_text(encoding="utf-8"))

TALK = [
    ("Hi everybody. Welcome back to the workshop. Today we build a wooden canoe from scratch.", 4.0),
    (
        "First we choose the wood. Cedar strips are light and they bend without breaking. Cedar smells good as well.",
        3.0,
    ),
    ("Now the forms. We screw each form to the long bench. The forms give the canoe its shape.", 3.0),
    ("Next comes the glue. Epoxy needs gloves and fresh air. Spread the epoxy thinly on every strip.", 3.0),
    ("At last we paddle. The lake is calm this morning. The canoe floats and I am very happy.", 0.0),
]


def talk(word_s: float = 0.9) -> tuple[list[Word], list[float]]:
    """A talk in five parts with pauses between them, and where the parts begin."""
    words, starts, now = [], [], 0.0
    for text, pause in TALK:
        starts.append(now)
        for word in text.split():
            words.append(Word(word, now, now + 0.8 * word_s))
            now += word_s
        now += pause
    return words, starts


def test_chapters_begin_after_pauses_and_are_named_by_what_is_special_about_them() -> None:
    words, starts = talk(2.2)
    document = suggest(ASSET, words, "en-US", words[-1].end, [])
    assert document is not None
    jsonschema.validate(document, SCHEMA)
    assert [chapter["t"] for chapter in document["chapters"]] == [int(start) for start in starts]
    assert [chapter["title"] for chapter in document["chapters"]] == [
        "Today we build a wooden canoe from scratch",
        "Cedar strips are light and they bend without breaking",
        "The forms give the canoe its shape",
        "Spread the epoxy thinly on every strip",
        "The lake is calm this morning",
    ]
    assert document["title"] == "Today we build a wooden canoe from scratch"
    lines = document["description"].splitlines()
    assert lines[0] == TALK[0][0]
    assert lines[2:4] == [
        "0:00 Today we build a wooden canoe from scratch",
        "0:36 Cedar strips are light and they bend without breaking",
    ]
    assert {"canoe", "cedar", "epoxy"} <= set(document["tags"])


def test_a_change_of_scene_draws_the_beginning_of_a_chapter() -> None:
    words = [Word(f"w{at}{'.' if at % 5 == 4 else ''}", at * 1.0, at + 0.9) for at in range(120)]
    plain = suggest(ASSET, words, "en-US", 120.0, [])
    cut = suggest(ASSET, words, "en-US", 120.0, [25.3, 65.0])
    assert plain and cut
    assert [chapter["t"] for chapter in plain["chapters"]] != [chapter["t"] for chapter in cut["chapters"]]
    assert 25 in [chapter["t"] for chapter in cut["chapters"]]


def test_a_short_film_has_a_title_but_no_chapters_and_a_silent_one_nothing() -> None:
    document = suggest(
        ASSET, [Word("Look", 1.0, 1.2), Word("at", 1.3, 1.4), Word("<that>!", 1.5, 2.0)], "en-US", 12, []
    )
    assert document is not None
    assert (document["title"], document["description"], document["chapters"]) == ("Look at that", "Look at that !", [])
    assert suggest(ASSET, [], "en-US", 12.0, []) is None


WORD = st.tuples(st.text(min_size=1, max_size=30), st.floats(0, 200), st.floats(0, 5))


@given(st.lists(WORD, max_size=60), st.sampled_from(["en-US", "ja-JP", None]), st.lists(st.floats(0, 9000), max_size=5))
def test_whatever_is_said_the_document_is_valid(
    said: list[tuple[str, float, float]], language: str | None, scenes: list[float]
) -> None:
    words, now = [], 0.0
    for text, pause, length in said:
        words.append(Word(text, now + pause, now + pause + length))
        now += pause + length
    document: dict[str, Any] | None = suggest(ASSET, words, language, now, scenes)
    if document is None:
        return
    jsonschema.validate(document, SCHEMA)
    assert len(document["description"].encode()) <= 5000
    assert sum(map(len, document["tags"])) <= 500
    starts = [chapter["t"] for chapter in document["chapters"]]
    if starts:
        assert starts[0] == 0 and len(starts) >= 3
        assert all(after - before >= 10 for before, after in pairwise(starts)) and now - starts[-1] >= 9
