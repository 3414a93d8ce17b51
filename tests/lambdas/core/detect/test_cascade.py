"""The cascade: within its calls, one question per thing, where it is seen best, and a reason for each."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.core.detect.cascade import REASONS, Candidate, Rules, by_frame, choose
from impp_lambdas.core.detect.novelty import DISTINCT_BITS
from impp_lambdas.core.detect.tracks import follow

ALL = frozenset(REASONS)


def label(name: str, width: float, confidence: float = 90.0, left: float = 0.3) -> dict[str, Any]:
    box = [left, 0.3, width, width]
    return {"name": name, "confidence": confidence, "instances": [{"confidence": confidence, "box": box}]}


def look(t: int, *labels: dict[str, Any], text: tuple[str, ...] = ()) -> dict[str, Any]:
    lines = [{"text": line, "confidence": 95.0, "box": [0.1, 0.1, 0.2, 0.05]} for line in text]
    return {"t": float(t), "labels": list(labels), "text": lines}


def ask(
    looks: list[dict[str, Any]],
    calls: int = 100,
    escalate: frozenset[str] = ALL - {"novel"},
    *,
    hashes: dict[float, int] | None = None,
    is_event: bool = False,
    detectors: tuple[str, ...] = ("labels", "text"),
) -> list[tuple[float, str, str]]:
    candidates = [Candidate(frame["t"], (hashes or {}).get(frame["t"], 0), 0.5) for frame in looks]
    rules = Rules(detectors, escalate, calls, is_event)
    return [
        (q.t, q.detector, q.why.partition(":")[0]) for q in choose(candidates, follow(looks, ["labels", "text"]), rules)
    ]


def test_a_person_close_by_is_asked_about_once_at_the_closest() -> None:
    looks = [look(t, label("Person", 0.1 + 0.05 * (t if t < 4 else 6 - t))) for t in range(6)]
    assert ask(looks) == [(3.0, "labels", "people")]


def test_far_people_empty_roads_and_disabled_reasons_are_not_asked_about() -> None:
    assert ask([look(0, label("Person", 0.05)), look(1), look(2, label("Chair", 0.5))]) == []
    assert ask([look(0, label("Person", 0.4))], escalate=frozenset({"vehicles"})) == []
    assert ask([look(0, label("Person", 0.4))], detectors=("text",)) == []


def test_one_frame_answers_for_all_who_are_in_it() -> None:
    both = look(1, label("Person", 0.3), label("Car", 0.3, left=0.6))
    looks = [look(0, label("Person", 0.3)), both, look(2, label("Car", 0.3, left=0.6))]
    assert ask(looks) == [(1.0, "labels", "people")]


def test_what_is_answered_already_makes_a_frame_worth_less_than_one_that_shows_more_of_the_rest() -> None:
    looks = [
        look(0, label("Person", 0.3), label("Car", 0.3, left=0.0), label("Motorcycle", 0.3, left=0.6)),
        look(1, label("Person", 0.3), label("Bus", 0.3, left=0.6)),
        look(10, label("Truck", 0.3, left=0.0), label("Bicycle", 0.3, left=0.6)),
    ]
    assert [t for t, _, _ in ask(looks, calls=2)] == [0.0, 10.0]


def test_text_is_asked_about_once_per_line_and_not_for_every_tick_of_a_clock() -> None:
    clock = [look(t, text=(f"2026-11-20 08:15:{t:02d}",)) for t in range(10)]
    assert [(detector, why) for _, detector, why in ask(clock)] == [("text", "text")]
    assert ask([look(0, text=("?!", "1."))]) == []


def test_low_confidence_in_two_looks_asks_for_a_second_opinion() -> None:
    unsure = [look(t, label("Dog", 0.05, 55.0)) for t in range(2)]
    assert ask(unsure) == [(0.0, "labels", "uncertain")]
    assert ask(unsure[:1]) == []


def test_an_event_is_asked_about_every_five_seconds() -> None:
    looks = [look(t) for t in range(20)]
    times = [t for t, _, _ in ask(looks, is_event=True)]
    assert len(times) == 4 and all(b - a >= 5 for a, b in itertools.pairwise(times))
    assert ask(looks) == []


def test_new_scenes_are_asked_about_and_known_ones_once_a_minute() -> None:
    other = (1 << DISTINCT_BITS) - 1
    looks = [look(t) for t in range(50)]
    asked = ask(looks, escalate=ALL, hashes={t: other if t >= 30 else 0 for t in map(float, range(50))})
    assert [(t >= 30, why) for t, _, why in asked] == [(False, "novel"), (True, "novel")]
    assert len(ask([look(t) for t in range(0, 130, 10)], escalate=ALL)) == 3


def test_the_most_useful_questions_come_first() -> None:
    looks = [look(0), look(1, label("Car", 0.3)), look(2), look(6, label("Person", 0.3)), look(7, text=("EXIT 5",))]
    assert ask(looks, 1, ALL) == [(6.0, "labels", "people")]
    assert {why for _, _, why in ask(looks, 3, ALL)} == {"people", "vehicles", "text"}


def test_reasons_by_frame() -> None:
    looks = [look(0, label("Person", 0.3), text=("EXIT 5",))]
    rules = Rules(("labels", "text"), ALL, 5)
    questions = choose([Candidate(0.0, 0, 0.5)], follow(looks, ["labels", "text"]), rules)
    assert by_frame(questions) == {0.0: {"labels": "people: Person, 9 % of the picture", "text": "text: 'EXIT 5'"}}


def test_a_black_frame_is_not_asked_about_if_there_is_a_better_one() -> None:
    candidates = [Candidate(0.0, 0, 0.0), Candidate(1.0, 0, 0.3)]
    rules = Rules(("labels",), ALL, 1, is_event=True)
    assert [q.t for q in choose(candidates, [], rules)] == [1.0]
    assert [q.t for q in choose(candidates[:1], [], rules)] == [0.0]


LABELS = st.builds(
    label,
    st.sampled_from(["Person", "Car", "Dog"]),
    st.floats(0.02, 0.6),
    st.floats(30, 100),
    st.sampled_from([0.0, 0.3, 0.6]),
)
FRAMES = st.lists(st.tuples(st.lists(LABELS, max_size=4), st.integers(0, 2**64 - 1)), max_size=12)


@given(FRAMES, st.integers(0, 6), st.booleans())
def test_never_above_the_cap_never_twice_and_always_the_same(
    frames: list[tuple[list[dict[str, Any]], int]], calls: int, is_event: bool
) -> None:
    looks = [look(t, *labels) for t, (labels, _) in enumerate(frames)]
    hashes = {float(t): dhash for t, (_, dhash) in enumerate(frames)}
    asked = ask(looks, calls, ALL, hashes=hashes, is_event=is_event)
    assert len(asked) <= calls
    assert len({(t, detector) for t, detector, _ in asked}) == len(asked)
    assert asked == ask(looks, calls, ALL, hashes=hashes, is_event=is_event)
    assert all(why in REASONS for *_, why in asked)
    fewer = ask(looks, max(0, calls - 1), ALL, hashes=hashes, is_event=is_event)
    assert set(fewer) <= set(asked)
