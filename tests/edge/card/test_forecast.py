"""A camera that overwrites its card, and uploads that are fast enough or not."""

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


DAY_BYTES = 40 * CLIP
BYTES_PER_S = DAY_BYTES / DAY_S


def known(prediction: Forecast | Unknown) -> Forecast:
    assert isinstance(prediction, Forecast), prediction
    return prediction


def test_rates_follow_the_clips() -> None:
    prediction = known(forecast(drives(10, 1), 0, 1.0, NOW))
    assert prediction.written_per_s == pytest.approx(BYTES_PER_S)
    assert prediction.recorded_per_s == pytest.approx(CLIP / CLIP_S)
    assert prediction.waiting_bytes == DAY_BYTES


def test_the_oldest_waiting_clip_is_overwritten_after_free_space_and_older_clips() -> None:
    prediction = known(forecast(drives(10, 1), 3 * DAY_BYTES, None, NOW))
    assert prediction.overwritten_at == pytest.approx(NOW + 12 * DAY_S)  # three days free, nine of older clips
    assert prediction.recording_s == pytest.approx(12 * 2 * HOUR_S)
    assert (prediction.verdict, prediction.lost_at) == (
        LOST,
        prediction.overwritten_at,
    )  # no upload rate is known


SCENARIOS = {
    "nothing waits": (drives(10), 0, None, SAFE, None),
    "ten times quicker than the camera": (drives(10, 1), 0, 10 * BYTES_PER_S, SAFE, None),
    "more than half the time is needed": (drives(3, 2), 0, 1.2 * BYTES_PER_S, TIGHT_TIME, None),
    "one clip is uploaded, then a day waits": (drives(2, 1), 0, 1.01 * BYTES_PER_S, TIGHT_TIME, None),
    "half as quick as the camera: the backlog fills the card": (drives(10, 1), 0, BYTES_PER_S / 2, LOST, 18 * DAY_S),
    "half as quick, but much is free": (drives(10, 1), 9 * DAY_BYTES, BYTES_PER_S / 2, LOST, 36 * DAY_S),
    "just as quick: the backlog stays": (drives(10, 1), 0, BYTES_PER_S, TIGHT_TIME, None),
    "the card is full of what waits": (drives(5, 5), 0, 100 * BYTES_PER_S, LOST, 0.0),
    "it is, but there is some room": (drives(5, 5), 2 * CLIP, 100 * BYTES_PER_S, SAFE, None),
    "there is room, but uploads are slow": (drives(5, 5), 2 * CLIP, BYTES_PER_S / 10, LOST, 2 * CLIP / BYTES_PER_S),
}  # fmt: skip


@pytest.mark.parametrize(("clips", "free", "sent", "verdict", "lost"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_verdicts_by_upload_rate_and_free_space(
    clips: list[Clip], free: int, sent: float | None, verdict: str, lost: float | None
) -> None:
    prediction = known(forecast(clips, free, sent, NOW))
    assert prediction.verdict == verdict
    assert (prediction.lost_at is None) == (lost is None)
    if lost is not None:
        assert prediction.lost_at == pytest.approx(NOW + lost)


def test_catching_up_includes_new_recordings() -> None:
    assert known(forecast(drives(10, 1), 0, 3 * BYTES_PER_S, NOW)).caught_up_at == pytest.approx(NOW + DAY_S / 2)
    assert known(forecast(drives(10, 1), 0, BYTES_PER_S, NOW)).caught_up_at is None


def test_deleted_clips_count_for_the_rate_but_not_as_space() -> None:
    gone = [replace(clip, on_card=False) if not clip.waits else clip for clip in drives(10, 1)]
    prediction = known(forecast(gone, DAY_BYTES, None, NOW))
    assert prediction.written_per_s == pytest.approx(BYTES_PER_S)
    assert prediction.overwritten_at == pytest.approx(NOW + DAY_S)


def test_locked_clips_are_outside_the_recording_loop() -> None:
    locked = [Clip(NOW - 100 * DAY_S, 50 * GB, waits=True, loop=False)]
    assert forecast([*drives(10, 1), *locked], 0, BYTES_PER_S, NOW) == forecast(drives(10, 1), 0, BYTES_PER_S, NOW)


def test_simultaneous_channels_add_up() -> None:
    both = [clip for clip in drives(10, 1) for _ in "FR"]
    assert known(forecast(both, 0, 1.0, NOW)).recorded_per_s == pytest.approx(2 * CLIP / CLIP_S)


def test_implausible_capture_times_do_not_affect_the_rate() -> None:
    wrong = [Clip(0.0, GB), Clip(NOW + 400 * DAY_S, GB)]
    assert known(forecast([*drives(10, 1), *wrong], 0, 1.0, NOW)).written_per_s == pytest.approx(BYTES_PER_S)


TOO_LITTLE = {
    "no clips": ([], "0 clips of the last 14 days are too few: 10 are needed"),
    "few": (drives(10)[:9], "9 clips"),
    "old": ([replace(clip, when=clip.when - 30 * DAY_S) for clip in drives(10)], "0 clips"),
    "one drive": ([Clip(NOW - HOUR_S + i, CLIP) for i in range(20)], "less than a day"),
    "empty": ([replace(clip, size=0) for clip in drives(10)], "all clips are empty"),
}


@pytest.mark.parametrize(("clips", "why"), TOO_LITTLE.values(), ids=TOO_LITTLE.keys())
def test_too_few_clips_give_no_forecast(clips: list[Clip], why: str) -> None:
    prediction = forecast(clips, GB, 1.0, NOW)
    assert isinstance(prediction, Unknown) and why in prediction.why


def test_isolated_clips_have_no_recording_rate() -> None:
    lone = [Clip(NOW - (i + 0.5) * DAY_S / 2, CLIP, waits=i == 0) for i in range(12)]
    prediction = known(forecast(lone, 0, 1.0, NOW))
    assert (
        prediction.recorded_per_s is None and prediction.recording_s is None and prediction.overwritten_at is not None
    )
