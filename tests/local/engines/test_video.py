"""Probing damaged files, and the end of an ffmpeg that takes too long or is canceled."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tests.support import synthetic_media as synthetic

from impp_engines.media import MediaError
from impp_local.engines import video

ENDLESS = ["-re", "-f", "lavfi", "-i", "testsrc=s=64x64:r=5", "-f", "null", "-"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of video whose index is at the start."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=10", "-t", "1", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    video.run([*source, "-movflags", "+faststart", video.output_path(path)], timeout_s=60)
    return path


def test_probe_reads_the_tracks(clip: Path) -> None:
    media = video.probe(clip)
    assert media.video and (media.video.codec, media.video.width, media.video.height) == ("h264", 64, 48)
    assert media.audio is None and media.duration_s == 1.0 and media.size == clip.stat().st_size
    assert video.truncated_at(clip) is None


@pytest.mark.parametrize(
    ("matrix", "rotation", "is_mirrored"),
    [
        ((-1, 0, 0, 1), 0, True),
        ((0, 1, 1, 0), 270, True),
        ((0, 1, -1, 0), 90, False),
        ((0.6, 0.8, -0.8, 0.6), 0, False),
    ],
)
def test_probe_reads_rotation_and_mirroring(
    clip: Path, tmp_path: Path, matrix: tuple[float, float, float, float], rotation: int, is_mirrored: bool
) -> None:
    path = tmp_path / "shown.mp4"
    path.write_bytes(synthetic.displayed(clip.read_bytes(), matrix))
    track = video.probe(path).video
    assert track and (track.rotation, track.is_mirrored) == (rotation, is_mirrored)


def test_probe_distinguishes_damaged_files(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    moov = whole.index(b"moov")
    files = {
        "empty": b"",
        "not_media": b"just words, no film\n" * 50,
        "no_moov": whole[:moov],
        "corrupt": whole[:moov] + b"moov" + bytes(len(whole) - moov - 4),
    }
    for reason, content in files.items():
        path = tmp_path / f"{reason}.mp4"
        path.write_bytes(content)
        with pytest.raises(MediaError) as error:
            video.probe(path)
        assert error.value.reason == reason


def test_a_file_that_ends_early_is_truncated(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:-100])
    assert video.truncated_at(path) == clip.stat().st_size - 100


def test_ffmpeg_is_killed_at_its_time_limit() -> None:
    started = time.monotonic()
    with pytest.raises(video.TooSlow, match="longer than 1 s"):
        video.run(ENDLESS, timeout_s=1)
    assert time.monotonic() - started < 10


def test_ffmpeg_is_killed_when_it_is_canceled_and_reports_its_progress() -> None:
    canceled = threading.Event()
    progress: list[float] = []

    def on_time(seconds: float) -> None:
        progress.append(seconds)
        if seconds > 0.5:
            canceled.set()

    with pytest.raises(video.Canceled):
        video.run(ENDLESS, timeout_s=60, canceled=canceled, on_time=on_time)
    assert progress == sorted(progress) and progress[-1] > 0.5


def test_a_failure_carries_ffmpegs_message(tmp_path: Path) -> None:
    with pytest.raises(video.FfmpegError, match="No such file"):
        video.run([*video.input_options(tmp_path / "missing.mp4"), "-f", "null", "-"], timeout_s=60)
