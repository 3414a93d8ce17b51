"""A camera that overwrites its card, and uploads that are quick enough or not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from impp_edge.card.forecast import DAY_S, LOST, SAFE, TIGHT_TIME, Clip, Forecast, Unknown, forecast

NOW = 1_800_000_000.0
HOUR_S = 3_600.0
MB, GB = 10**6, 10**9
CLIP_S = 180.0
CLIP = 300 * MB


def drives(days: int, waiting_days: float = 0.0, hours: float = 2.0) -> list[Clip]:
    """Two hours of driving on each of the last days, in clips of three minutes: 12 GB a day."""
    clips = []
    for day in range(days):
        for i in range(int(hours * HOUR_S / CLIP_S)):
            when = NOW - (day + 1) * DAY_S + i * CLIP_S
            clips.append(Clip(when, CLIP, waits=when >= NOW - waiting_days * DAY_S))
    random.Random(7).shuffle(clips)
    return clips


A_DAY = 40 * CLIP
PER_S = A_DAY / DAY_S


def made(found: Forecast | Unknown) -> Forecast:
    assert isinstance(found, Forecast), found
    return found


def test_rates_are_those_of_the_camera() -> None:
    found = made(forecast(drives(10, 1), 0, 1.0, NOW))
    assert found.written_per_s == pytest.approx(PER_S)
    assert found.recorded_per_s == pytest.approx(CLIP / CLIP_S)
    assert found.waiting_bytes == A_DAY


def test_the_oldest_waiting_clip_goes_when_all_older_ones_and_the_free_space_are_used_up() -> None:
    found = made(forecast(drives(10, 1), 3 * A_DAY, None, NOW))
    assert found.overwritten_at == pytest.approx(NOW + 12 * DAY_S)  # three days free, nine of older clips
    assert found.recording_s == pytest.approx(12 * 2 * HOUR_S)
    assert (found.verdict, found.lost_at) == (LOST, found.overwritten_at)  # nothing is sent, as far as anybody knows


SCENARIOS = {
    "nothing waits": (drives(10), 0, None, SAFE, None),
    "ten times quicker than the camera": (drives(10, 1), 0, 10 * PER_S, SAFE, None),
    "half the time is needed and more": (drives(3, 2), 0, 1.2 * PER_S, TIGHT_TIME, None),
    "one clip is brought, then a day waits": (drives(2, 1), 0, 1.01 * PER_S, TIGHT_TIME, None),
    "half as quick as the camera: the backlog fills the card": (drives(10, 1), 0, PER_S / 2, LOST, 18 * DAY_S),
    "half as quick, but much is free": (drives(10, 1), 9 * A_DAY, PER_S / 2, LOST, 36 * DAY_S),
    "just as quick: the backlog stays": (drives(10, 1), 0, PER_S, TIGHT_TIME, None),
    "the card is full of what waits": (drives(5, 5), 0, 100 * PER_S, LOST, 0.0),
    "it is, but there is some room": (drives(5, 5), 2 * CLIP, 100 * PER_S, SAFE, None),
    "there is room, but uploads begin too slowly": (drives(5, 5), 2 * CLIP, PER_S / 10, LOST, 2 * CLIP / PER_S),
}  # fmt: skip


@pytest.mark.parametrize(("clips", "free", "sent", "verdict", "lost"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_the_race(clips: list[Clip], free: int, sent: float | None, verdict: str, lost: float | None) -> None:
    found = made(forecast(clips, free, sent, NOW))
    assert found.verdict == verdict
    assert (found.lost_at is None) == (lost is None)
    if lost is not None:
        assert found.lost_at == pytest.approx(NOW + lost)


def test_catching_up_counts_what_is_written_meanwhile() -> None:
    assert made(forecast(drives(10, 1), 0, 3 * PER_S, NOW)).caught_up_at == pytest.approx(NOW + DAY_S / 2)
    assert made(forecast(drives(10, 1), 0, PER_S, NOW)).caught_up_at is None


def test_clips_known_from_before_tell_of_the_rate_but_are_no_room() -> None:
    gone = [replace(clip, on_card=False) if not clip.waits else clip for clip in drives(10, 1)]
    found = made(forecast(gone, A_DAY, None, NOW))
    assert found.written_per_s == pytest.approx(PER_S)
    assert found.overwritten_at == pytest.approx(NOW + DAY_S)


def test_locked_clips_are_not_overwritten_and_not_written_in_the_loop() -> None:
    locked = [Clip(NOW - 100 * DAY_S, 50 * GB, waits=True, loop=False)]
    assert forecast([*drives(10, 1), *locked], 0, PER_S, NOW) == forecast(drives(10, 1), 0, PER_S, NOW)


def test_two_channels_of_one_time_are_written_together() -> None:
    both = [clip for clip in drives(10, 1) for _ in "FR"]
    assert made(forecast(both, 0, 1.0, NOW)).recorded_per_s == pytest.approx(2 * CLIP / CLIP_S)


def test_clocks_that_are_wrong_do_not_count_as_rate() -> None:
    wrong = [Clip(0.0, GB), Clip(NOW + 400 * DAY_S, GB)]
    assert made(forecast([*drives(10, 1), *wrong], 0, 1.0, NOW)).written_per_s == pytest.approx(PER_S)


TOO_LITTLE = {
    "no clips": ([], "0 clips of the last 14 days are too few: 10 are needed"),
    "few": (drives(10)[:9], "9 clips"),
    "old": ([replace(clip, when=clip.when - 30 * DAY_S) for clip in drives(10)], "0 clips"),
    "one drive": ([Clip(NOW - HOUR_S + i, CLIP) for i in range(20)], "less than a day"),
    "empty": ([replace(clip, size=0) for clip in drives(10)], "all clips are empty"),
}


@pytest.mark.parametrize(("clips", "why"), TOO_LITTLE.values(), ids=TOO_LITTLE.keys())
def test_too_little_to_judge_by_is_reported(clips: list[Clip], why: str) -> None:
    found = forecast(clips, GB, 1.0, NOW)
    assert isinstance(found, Unknown) and why in found.why


def test_single_clips_far_apart_have_no_recording_rate() -> None:
    lone = [Clip(NOW - (i + 0.5) * DAY_S / 2, CLIP, waits=i == 0) for i in range(12)]
    found = made(forecast(lone, 0, 1.0, NOW))
    assert found.recorded_per_s is None and found.recording_s is None and found.overwritten_at is not None
