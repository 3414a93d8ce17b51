"""Pieces of a recording cover its voiced stretches once, in order, and their words find their times."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from impp_engines.speech import Segment, Word
from impp_lambdas.core.media.hearing import PAUSE_S, PIECE_S, Span, piece, placed, stretches

SPANS = st.lists(st.tuples(st.floats(0, 43_200), st.floats(0, 2_000)).map(lambda s: [s[0], s[0] + s[1]]), max_size=30)


def test_stretches_are_merged_where_they_are_close_and_end_with_the_recording() -> None:
    voiced = [[20.0, 22.0], [-0.3, 2.0], [2.9, 4.0], [21.0, 21.5], [58.0, 99.0], [70.0, 71.0]]
    assert stretches(voiced, 60.0) == [(0.0, 4.0), (20.0, 22.0), (58.0, 60.0)]
    assert stretches(voiced, 0.0)[-1] == (58.0, 99.0), "an unknown length cuts nothing"
    assert stretches([], 60.0) == []


@given(SPANS)
def test_pieces_cover_every_stretch_once_however_long(voiced: list[list[float]]) -> None:
    spans = stretches(voiced, 0.0)
    heard: list[Span] = []
    position = 0.0
    while (chosen := piece(spans, position))[0]:
        assert sum(end - start for start, end in chosen[0]) <= PIECE_S + 1e-6
        heard += chosen[0]
        assert chosen[0][-1][1] > position
        position = chosen[0][-1][1]
    assert all(before[1] <= after[0] for before, after in pairwise(heard))
    assert sum(end - start for start, end in heard) - sum(end - start for start, end in spans) < 1e-3
    assert abs(sum(end - start for start, end in heard) - sum(end - start for start, end in spans)) < 1e-3


def test_a_piece_says_whether_its_last_stretch_goes_on() -> None:
    spans = [(0.0, 200.0), (1000.0, 1200.0)]
    assert piece(spans, 0.0) == ([(0.0, 200.0), (1000.0, 1100.0)], True)
    assert piece(spans, 1095.0) == ([(1095.0, 1200.0)], False)
    assert piece(spans, 1200.0) == ([], False)
    assert piece([(0.0, 300.0), (400.0, 410.0)], 0.0) == ([(0.0, 300.0)], False)


def test_words_get_the_times_of_the_recording_and_no_segment_spans_two_stretches() -> None:
    spans, lengths = [(10.0, 12.0), (100.0, 103.0)], [2.0, 3.0]
    second = 2.0 + PAUSE_S
    segment = Segment(
        (
            Word("Turn", 0.2, 0.6, 0.9),
            Word("left.", 1.6, 2.3, 0.9),  # ends in the pause
            Word("Thanks,", 2.2, second + 0.5, 0.9),  # Whisper begins it in the pause
            Word("bye.", second + 2.5, second + 3.4, 0.9),
        )
    )
    first, other = placed([segment], spans, lengths)
    assert [(w.text, w.start, w.end) for w in first.words] == [("Turn", 10.2, 10.6), ("left.", 11.6, 12.0)]
    assert [(w.text, w.start, w.end) for w in other.words] == [("Thanks,", 100.0, 100.5), ("bye.", 102.5, 103.0)]
