"""Sampling small recordings: which frames are chosen, and how little of a large file is read."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

import numpy as np
import pytest
from PIL import Image
from tests.support import synthetic_media as synthetic

from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import selection, speech, voice
from impp_lambdas.core.media.looks import Findings
from impp_lambdas.core.media.sampling import Limits, Samples, sample
from impp_lambdas.core.media.storyboard import clock
from impp_smoke.heic import heic


def run(data: bytes, kind: str = "video", *, interval: float = 1, limit: int = 20, left: float = 100) -> Samples:
    return sample(io.BytesIO(data), kind, 0, Limits(limit, interval, lambda: left))


def times(samples: Samples) -> list[int]:
    return [int(s.t) for s in samples.frames]


@pytest.fixture(scope="module")
def five_scenes() -> bytes:
    return synthetic.movie(synthetic.scenes(5, 2), sound=synthetic.speech(10), options={"movflags": "faststart"})


def test_each_scene_is_sampled_once(five_scenes: bytes) -> None:
    got = run(five_scenes)
    assert sorted(t // 2 for t in times(got)) == [0, 1, 2, 3, 4]
    assert got.is_complete and got.poster in got.frames
    assert got.speech.is_spoken and got.speech.ratio > 0.4


def test_a_small_limit_covers_the_whole_recording(five_scenes: bytes) -> None:
    got = run(five_scenes, limit=2)
    assert len(got.frames) == 2
    assert got.frames[1].t - got.frames[0].t >= 4


@pytest.mark.parametrize("black_s", [1, 3])
def test_a_black_opening_is_not_the_poster(black_s: int) -> None:
    """A clip shorter than the interval has one candidate, and a clip of one GOP has its keyframe at the start."""
    black = [np.zeros((180, 320, 3), dtype=np.uint8)] * (10 * black_s)
    got = run(synthetic.movie([*black, *synthetic.scenes(2, 2)], gop=1000), interval=10, limit=2)
    assert got.poster and got.poster.t >= black_s and got.poster.quality > 0.1
    assert len(got.frames) <= 2 and got.poster in got.frames


def test_a_clip_that_is_black_throughout_has_one_frame() -> None:
    got = run(synthetic.movie([np.zeros((180, 320, 3), dtype=np.uint8)] * 30), interval=10, limit=2)
    assert len(got.frames) == 1


def test_one_long_gop_is_decoded_forward() -> None:
    got = run(synthetic.movie(synthetic.scenes(5, 2), gop=1000))
    assert sorted(t // 2 for t in times(got)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("container", ["mpegts", "matroska", "avi"])
def test_other_containers_are_sampled(container: str) -> None:
    got = run(synthetic.movie(synthetic.scenes(3, 2), container=container))
    assert len(got.frames) == 3


def test_a_transport_stream_of_one_gop_has_a_frame() -> None:
    assert run(synthetic.movie(synthetic.scenes(1, 3), gop=1000, container="mpegts"), interval=10).frames


def test_a_portrait_recording_has_upright_frames() -> None:
    picture = np.full((180, 320, 3), 90, dtype=np.uint8)
    picture[:, :160] = (200, 60, 60)  # the left half is red; turned clockwise it is the upper half
    got = run(synthetic.rotated(synthetic.movie([picture] * 10), 90))
    image = Image.open(io.BytesIO(got.frames[0].jpeg)).convert("RGB")
    assert image.size == (180, 320)
    upper, lower = image.getpixel((90, 40)), image.getpixel((90, 280))
    assert isinstance(upper, tuple) and isinstance(lower, tuple)
    assert upper[0] > 170 and upper[1] < 90
    assert lower[0] < 120


@pytest.mark.parametrize(
    ("matrix", "size", "red"),
    [
        ((-1, 0, 0, 1), (320, 180), (280, 40)),  # swapped left and right
        ((1, 0, 0, -1), (320, 180), (40, 140)),  # swapped top and bottom
        ((0, 1, 1, 0), (180, 320), (40, 40)),  # a selfie held upright
        ((0.7, 0.7, -0.7, 0.7), (320, 180), (40, 40)),  # no quarter turn: as stored
    ],
)
def test_frames_are_mirrored_as_the_file_asks(
    matrix: tuple[float, float, float, float], size: tuple[int, int], red: tuple[int, int]
) -> None:
    picture = np.full((180, 320, 3), 90, dtype=np.uint8)
    picture[:90, :160] = (200, 60, 60)
    got = run(synthetic.displayed(synthetic.movie([picture] * 10), matrix))
    image = Image.open(io.BytesIO(got.frames[0].jpeg)).convert("RGB")
    assert image.size == size
    pixel, opposite = image.getpixel(red), image.getpixel((size[0] - red[0], size[1] - red[1]))
    assert isinstance(pixel, tuple) and isinstance(opposite, tuple)
    assert pixel[0] > 170 and opposite[0] < 120


def test_frames_of_non_square_pixels_have_the_display_aspect() -> None:
    got = run(synthetic.movie([synthetic.scene(1, 320, 180)] * 10, aspect=Fraction(2, 1)))
    assert (got.frames[0].width, got.frames[0].height) == (640, 180)


def test_large_pictures_of_odd_size_are_scaled_to_the_long_side() -> None:
    got = run(synthetic.movie([synthetic.scene(1, 1441, 811)[:810, :1440]] * 3))
    assert max(got.frames[0].width, got.frames[0].height) == 1280


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 48), (107, 80)),
        ((320, 40), (640, 80)),
        ((79, 200), (80, 203)),
        ((2, 600), (80, 10_000)),
        ((80, 80), (80, 80)),
    ],
)
def test_small_pictures_are_enlarged_to_what_detectors_accept(size: tuple[int, int], expected: tuple[int, int]) -> None:
    photo = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(photo, "PNG")
    (frame,) = run(photo.getvalue(), "image").frames
    assert (frame.width, frame.height) == expected == Image.open(io.BytesIO(frame.jpeg)).size


def test_frames_of_a_variable_rate_have_their_true_times() -> None:
    when = [(i * i) / 100 for i in range(60)]  # 0.1 s apart at first, more than a second at the end
    got = run(synthetic.movie(synthetic.scenes(3, 2), times=when))
    assert len(got.frames) == 3
    assert 30 < got.frames[-1].t < 35


def test_a_truncated_file_is_sampled_up_to_its_end(five_scenes: bytes) -> None:
    got = run(five_scenes[: len(five_scenes) // 2])
    assert 2 <= len(got.frames) < 5
    assert got.speech.is_spoken


def test_recordings_without_audio_or_without_video() -> None:
    silent = run(synthetic.movie(synthetic.scenes(2, 2)))
    assert silent.frames and silent.speech.total_s == 0 and not silent.speech.is_spoken
    audio = run(synthetic.movie(sound=synthetic.speech(5)), "audio")
    assert audio.frames == [] and audio.poster is None and audio.storyboard is None
    assert audio.speech.is_spoken


def test_a_still_image_is_rotated_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[274] = 6  # rotated 90 degrees clockwise to be upright
    out = io.BytesIO()
    Image.fromarray(synthetic.scene(1, 3000, 2000)).save(out, "JPEG", exif=exif)
    got = run(out.getvalue(), "image")
    assert [(s.width, s.height) for s in got.frames] == [(853, 1280)]
    assert not Image.open(io.BytesIO(got.frames[0].jpeg)).getexif()


@pytest.mark.parametrize("kind", ["video", "audio", "image"])
@pytest.mark.parametrize("data", [b"", b"just some text, no media\n" * 50])
def test_a_file_that_is_not_media_is_unreadable(kind: str, data: bytes) -> None:
    with pytest.raises(Unreadable):
        run(data, kind)


def test_a_black_recording_has_one_frame_and_a_static_one_a_frame_per_minute() -> None:
    assert len(run(synthetic.movie([np.zeros((180, 320, 3), np.uint8)] * 40)).frames) == 1
    parked = synthetic.movie([synthetic.scene(1, 160, 90)] * 150, fps=1, gop=5)
    assert len(run(parked, interval=5).frames) == 3


def test_if_the_time_runs_out_the_samples_are_incomplete(five_scenes: bytes) -> None:
    left = iter([100.0] * 4 + [0.0] * 1000)
    got = sample(io.BytesIO(five_scenes), "video", 0, Limits(20, 1, lambda: next(left)))
    assert not got.is_complete
    assert 1 <= len(got.frames) < 5


@pytest.mark.slow
def test_only_a_small_part_of_a_long_file_is_read() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 255, (180, 320, 3), dtype=np.uint8) for _ in range(30)]
    data = synthetic.movie(noise * 10, fps=1, gop=10, sound=synthetic.hum(300), options={"movflags": "faststart"})
    fetch, calls = synthetic.counting(data)
    file = RangedFile(fetch, len(data), block=16 * 1024)
    got = sample(cast(IO[bytes], file), "video", 0, Limits(5, 60, lambda: 100, stride_bytes=64 * 1024))
    assert len(got.frames) == 5
    assert len(data) > 5_000_000
    assert sum(calls) < 0.35 * len(data)


def test_storyboard_cues_cover_the_duration_and_stay_inside_the_sprite(five_scenes: bytes) -> None:
    board = run(five_scenes).storyboard
    assert board is not None
    sprite = Image.open(io.BytesIO(board.sprite))
    lines = board.vtt.splitlines()
    assert lines[0] == "WEBVTT"
    spans = [line.split(" --> ") for line in lines if "-->" in line]
    assert spans[0][0] == "00:00:00.000"
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    for line in lines:
        if "#xywh=" in line:
            x, y, w, h = map(int, line.split("=")[1].split(","))
            assert x + w <= sprite.width and y + h <= sprite.height
    assert clock(36_000.5) == "10:00:00.500"


@pytest.mark.parametrize("name", ["hum", "clicks"])
def test_engines_and_indicators_are_not_speech(name: str) -> None:
    assert not speech.detect([(0.0, getattr(synthetic, name)(10).tobytes())]).is_spoken


def test_one_sentence_in_a_minute_of_road_noise_is_speech() -> None:
    road = synthetic.hum(60).astype(np.int32) // 4
    voice = synthetic.speech(4).astype(np.int32)
    road[20 * synthetic.RATE : 24 * synthetic.RATE] += voice
    window = np.clip(road, -32768, 32767).astype(np.int16).tobytes()
    assert speech.detect([(0.0, window)]).is_spoken
    assert not speech.detect([]).is_spoken


def test_candidates_and_windows_are_spread_over_any_duration() -> None:
    long = selection.candidate_times(36_000, 2, 240)
    assert len(long) == 240 and long[0] < 100 and long[-1] > 35_900
    assert selection.candidate_times(0, 5, 10) == [0.0]
    windows = speech.window_times(36_000, 6, 60)
    assert len(windows) == 60 and windows[-1] == 35_994
    assert speech.window_times(60, 6, 60) == [6.0 * k for k in range(10)]


@pytest.mark.parametrize(("quarter_turns", "size"), [(0, (640, 480)), (3, (480, 640))])
def test_a_heic_photo_is_read_upright(tmp_path: Path, quarter_turns: int, size: tuple[int, int]) -> None:
    got = run(heic(tmp_path, 640, 480, quarter_turns), "image")
    assert [(shot.width, shot.height) for shot in got.frames] == [size]
    assert got.poster and got.poster.quality > 0.1


def test_detectors_look_once_per_interval_in_one_pass_over_the_file() -> None:
    data = synthetic.movie(synthetic.scenes(5, 2), gop=25, sound=synthetic.speech(10))
    fetch, calls = synthetic.counting(data)
    see = lambda image: {"text": [{"text": f"{image.width}", "confidence": 90.0, "box": None}]}  # noqa: E731
    limits = Limits(3, 1, lambda: 100, look_s=1.0, detectors=["text"], see=see)
    got = sample(cast(IO[bytes], RangedFile(fetch, len(data), block=4096)), "video", 0, limits)
    assert [int(row["t"]) for row in got.rows] == list(range(10))
    assert got.rows[0]["text"] == [{"text": "320", "confidence": 90.0, "box": None, "engine": "lambda"}]
    assert len(got.distinct) == 3 and got.distinct < {shot.t for shot in got.frames}
    assert sum(calls) < 1.2 * len(data)


def test_a_part_has_its_own_looks_only() -> None:
    data = synthetic.movie(synthetic.scenes(5, 2), gop=25)
    limits = Limits(3, 1, lambda: 100, detectors=["text"], see=lambda _: {"text": []}, part=(3.0, 7.0))
    got = sample(io.BytesIO(data), "video", 0, limits)
    assert [int(row["t"]) for row in got.rows] == [3, 4, 5, 6]


@pytest.mark.slow
def test_a_sentence_in_a_long_recording_is_speech_and_its_place_is_known() -> None:
    engine = np.tile(synthetic.hum(30) // 40, 10)
    got = run(synthetic.movie(sound=np.concatenate([engine, synthetic.speech(4)])), "audio")
    assert got.speech.is_spoken and got.speech.ratio < voice.SPEECH_RATIO
    (span,) = got.speech.spans
    assert 298 < span[0] < 301 and 303 < span[1] < 306


def test_spans_are_few_and_cover_everything() -> None:
    many = [(3.0 * k, 3.0 * k + 1 + (k % 7) / 10) for k in range(1000)]
    few = voice.joined(many, 100)
    assert len(few) == 100
    assert all(any(a <= start and end <= b for a, b in few) for start, end in many)


@pytest.mark.slow
def test_scaling_leaves_no_threads_behind() -> None:
    """They take address space, which a child has little of; Linux only."""
    data = synthetic.movie([synthetic.scene(n, 2560, 1440) for n in range(8)], fps=1, gop=1)
    threads: list[int] = []

    def see(_: Image.Image) -> Findings:
        threads.append(len(list(Path("/proc/self/task").iterdir())))
        return {}

    limits = Limits(8, 1, lambda: 100, detectors=["text"], see=see)
    assert len(sample(io.BytesIO(data), "video", 0, limits).rows) == 8
    assert threads[-1] <= threads[1]
