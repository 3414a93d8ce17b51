"""Chooses the frames that a managed service is asked about, where the small model has looked at every second.

A question is one call: a frame and a detector. Each track is worth asking about once, where it is seen best; one frame
often answers for several. So the questions are chosen one after the other, the most useful first, until nothing is left
to ask or the plan's number of calls is reached. Equal input gives equal questions.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from impp_lambdas.core.detect.novelty import DISTINCT_BITS, QUIET_S
from impp_lambdas.core.detect.tracks import Sighting, Track

REASONS = ("people", "vehicles", "text", "uncertain", "event", "novel")
"""Why a frame may be asked about; a profile enables some of them."""
PEOPLE = frozenset({"Person"})
VEHICLES = frozenset({"Bicycle", "Bus", "Car", "Motorcycle", "Train", "Truck"})
CLOSE_PERSON, CLOSE_VEHICLE = 0.015, 0.04
"""Least share of the picture of somebody or something close by. At a dash cam's 120 degrees a person of 1.7 m covers
1.5 % of the picture at some 6 m, a car 4 % at some 8 m."""
SURE = 70.0
"""Confidence in percent from which a track needs no second opinion."""
MIN_COUNT = 2
"""Looks in which a track must have been seen to be uncertain, not noise."""
LETTERS = 3
"""Fewest letters and digits of a line that is worth reading."""
EVENT_S = 5.0
"""An event recording is asked about at least so often."""

PICTURES = "labels"
"""The detector that is asked about what is in the picture as a whole."""
HASH_BITS = 64

_WORTH = {"people": 1.0, "vehicles": 0.7, "text": 0.8, "uncertain": 0.5, "event": 0.4, "novel": 0.3}
"""What an answer is worth, by reason."""


@dataclass(frozen=True)
class Candidate:
    """A frame whose picture is at hand: time, 64-bit dHash, quality 0 to 1."""

    t: float
    dhash: int
    quality: float


@dataclass(frozen=True)
class Question:
    """Ask a detector about the frame at `t`. `why` starts with one of :data:`REASONS`."""

    t: float
    detector: str
    why: str


@dataclass(frozen=True)
class Rules:
    """`detectors` may be asked, for the reasons in `escalate`, at most `calls` times in all."""

    detectors: Sequence[str]
    escalate: AbstractSet[str]
    calls: int
    is_event: bool = False


def choose(candidates: Sequence[Candidate], tracks: Iterable[Track], rules: Rules) -> list[Question]:
    """The questions in order of time, then of `rules.detectors`. `tracks` are those of the local engine."""
    pool = _worth_showing(candidates)
    times = {candidate.t for candidate in pool}
    wishes_by_frame: dict[tuple[float, str], list[_Wish]] = defaultdict(list)
    for track in tracks:
        for wish in _wishes(track, rules, times):
            for t in wish.worth:
                wishes_by_frame[t, wish.detector].append(wish)
    open_questions = {(c, name): wishes_by_frame[c.t, name] for c in pool for name in rules.detectors}
    known = {candidate: _Known() for candidate in pool}
    questions: list[Question] = []
    # No question is worth more than when it was offered last. So the first of the heap is the best if it is worth as
    # much as then, and only few offers are made again: twelve hours have ten thousand questions.
    heap = [
        (-offer[0], candidate.t, rules.detectors.index(name), number, candidate, name)
        for number, ((candidate, name), wishes) in enumerate(open_questions.items())
        if (offer := _offer(candidate, name, wishes, known[candidate], rules))
    ]
    heapq.heapify(heap)
    while heap and len(questions) < rules.calls:
        worth, t, order, number, candidate, name = heapq.heappop(heap)
        offer = _offer(candidate, name, open_questions[candidate, name], known[candidate], rules)
        if offer is None:
            continue
        if offer[0] < -worth:
            heapq.heappush(heap, (-offer[0], t, order, number, candidate, name))
            continue
        questions.append(Question(candidate.t, name, offer[1]))
        for wish in open_questions[candidate, name]:
            wish.is_fulfilled = True
        if name == PICTURES:
            for other in pool:
                known[other].learn(other, candidate)
    return sorted(questions, key=lambda question: (question.t, rules.detectors.index(question.detector)))


def by_frame(questions: Iterable[Question]) -> dict[float, dict[str, str]]:
    """The reasons by time and detector."""
    frames: dict[float, dict[str, str]] = {}
    for question in questions:
        frames.setdefault(question.t, {})[question.detector] = question.why
    return frames


@dataclass
class _Wish:
    """A track that a detector should be asked about, for a reason; `worth` by the time of each frame that shows it."""

    detector: str
    worth: Mapping[float, float]
    why: str
    is_fulfilled: bool = False


@dataclass
class _Known:
    """How far the nearest picture is that :data:`PICTURES` is asked about: in bits of the hash, and in seconds."""

    bits: int = HASH_BITS
    seconds: float = math.inf

    def learn(self, own: Candidate, asked: Candidate) -> None:
        self.bits = min(self.bits, (own.dhash ^ asked.dhash).bit_count())
        self.seconds = min(self.seconds, abs(own.t - asked.t))


def _worth_showing(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Without the frames that show nothing, unless all do."""
    return [candidate for candidate in candidates if candidate.quality >= 0.01] or candidates


def _wishes(track: Track, rules: Rules, times: AbstractSet[float]) -> Iterable[_Wish]:
    """What is to be known about a track. Its confidence counts less than its size: far away nobody can tell."""
    seen = [sighting for sighting in track.sightings if sighting.t in times]
    for reason, names, test, describe in _REASONS_OF_TRACKS:
        asked = [name for name in names(track) if name in rules.detectors]
        fitting = [sighting for sighting in seen if test(track, sighting)]
        if reason not in rules.escalate or not asked or not fitting:
            continue
        best = max(fitting, key=lambda sighting: (sighting.area, sighting.confidence, -sighting.t))
        worth = {s.t: _WORTH[reason] * _clarity(s, best) for s in fitting}
        for name in asked:
            yield _Wish(name, worth, f"{reason}: {describe(best)}")


def _clarity(sighting: Sighting, best: Sighting) -> float:
    """How well a sighting shows what the best one shows, 0.5 to 1."""
    size = (sighting.area / best.area) if best.area else 1.0
    return 0.5 + 0.3 * min(1.0, size) + 0.2 * sighting.confidence / 100


def _offer(
    candidate: Candidate, name: str, wishes: Sequence[_Wish], known: _Known, rules: Rules
) -> tuple[float, str] | None:
    """What a question is worth, and its main reason."""
    reasons = [(wish.worth[candidate.t], wish.why) for wish in wishes if not wish.is_fulfilled]
    if name == PICTURES:
        reasons += _reasons_of_pictures(known, rules)
    if not reasons:
        return None
    worth = sum(worth for worth, _ in reasons) * (0.5 + candidate.quality / 2)
    return worth, max(reasons, key=lambda reason: reason[0])[1]


def _reasons_of_pictures(known: _Known, rules: Rules) -> Iterable[tuple[float, str]]:
    """Reasons that no track gives: an event, a scene that differs from those already asked about."""
    if rules.is_event and "event" in rules.escalate and known.seconds >= EVENT_S:
        yield _WORTH["event"], "event: the camera has marked the recording"
    if "novel" in rules.escalate:
        if known.bits >= DISTINCT_BITS:
            worth = _WORTH["novel"] * (0.5 + known.bits / (2 * HASH_BITS))
            yield worth, f"novel: {known.bits} of {HASH_BITS} bits differ from what is asked about"
        elif known.seconds >= QUIET_S:
            yield _WORTH["novel"] * 0.5, f"novel: nothing is asked about within {QUIET_S:.0f} s"


def _is_person(track: Track, sighting: Sighting) -> bool:
    return track.detector == "labels" and sighting.name in PEOPLE and sighting.area >= CLOSE_PERSON


def _is_vehicle(track: Track, sighting: Sighting) -> bool:
    return track.detector == "labels" and sighting.name in VEHICLES and sighting.area >= CLOSE_VEHICLE


def _is_legible(track: Track, sighting: Sighting) -> bool:
    return track.detector == "text" and sum(letter.isalnum() for letter in sighting.name) >= LETTERS


def _is_uncertain(track: Track, _: Sighting) -> bool:
    return track.best.confidence < SURE and len(track.sightings) >= MIN_COUNT


_Row = tuple[
    str,
    Callable[[Track], Sequence[str]],
    Callable[[Track, Sighting], bool],
    Callable[[Sighting], str],
]
_REASONS_OF_TRACKS: Sequence[_Row] = (
    ("people", lambda _: ("labels", "faces"), _is_person, lambda s: f"{s.name}, {_share(s)} of the picture"),
    ("vehicles", lambda _: ("labels",), _is_vehicle, lambda s: f"{s.name}, {_share(s)} of the picture"),
    ("text", lambda _: ("text",), _is_legible, lambda s: f"{s.name[:40]!r}"),
    ("uncertain", lambda track: (track.detector,), _is_uncertain, lambda s: f"{s.name[:40]}, {s.confidence:.0f} %"),
)
"""Reason, which detectors it concerns, whether a sighting gives it, and its description."""


def _share(sighting: Sighting) -> str:
    return f"{100 * sighting.area:.0f} %"
