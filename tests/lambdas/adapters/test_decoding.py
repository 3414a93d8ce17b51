"""The child that decodes: its limits, and what a file that breaks it costs."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import FakeContext

from impp_footage.reader import Budget
from impp_lambdas.adapters import decoding, sampling
from impp_lambdas.adapters.decoding import Limits
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import decoder, soundtrack


def opened(data: bytes, reads: int = 1000, **options: int) -> RangedFile:
    budget = Budget(reads, 1 << 30)
    return RangedFile(lambda first, last: data[first : last + 1], len(data), budget=budget, **options)


def test_a_function_keeps_enough_memory_for_itself() -> None:
    limits = Limits.of(FakeContext(memory_limit_in_mb=1769, seconds=900), 20)
    assert (limits.memory_mb, limits.seconds) == (1449, 875)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit the address space")
def test_a_picture_that_takes_too_much_memory_costs_a_reason_and_not_the_function() -> None:
    """8 kB that decode to 240 MB."""
    out = io.BytesIO()
    Image.new("1", (7700, 7700)).save(out, "PNG")
    assert len(out.getvalue()) < 10_000
    with pytest.raises(Unreadable, match="more than 300 MB of memory"):
        sampling.sample(opened(out.getvalue()), sampling.Task("image", 0, 4, 1), Limits(300, 30))


@pytest.mark.slow
def test_a_jpeg_of_200_megapixels_takes_little_memory() -> None:
    out = io.BytesIO()
    Image.new("L", (16384, 12288), 90).save(out, "JPEG")
    sampled = sampling.sample(opened(out.getvalue()), sampling.Task("image", 0, 4, 1), Limits(300, 60))
    assert [(frame.width, frame.height) for frame in sampled.pictures] == [(1280, 960)]


def crash(task: str) -> str:
    return f"import os; os.kill(os.getpid(), {'6' if task == 'abort' else '9'})"


@pytest.mark.parametrize(("code", "reason"), [("abort", "SIGABRT"), ("kill", "SIGKILL")])
def test_a_crash_of_the_decoder_is_a_reason(code: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_START", crash(code))
    with pytest.raises(Unreadable, match=f"the decoder crashed .{reason}."):
        decoding.measure(opened(b"x"), Limits(400, 30))


def test_a_decoder_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_START", "import time; time.sleep(60)")
    monkeypatch.setattr(decoding, "GRACE_S", 0.1)
    with pytest.raises(Unreadable, match="longer than 0 s"):
        decoding.measure(opened(b"x"), Limits(400, 0.1))


def test_the_child_has_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    shown = tmp_path / "environment"
    code = f"import os; open({str(shown)!r}, 'w').write(repr(dict(os.environ)))"
    monkeypatch.setattr(decoding, "_START", code)
    with pytest.raises(Unreadable):
        decoding.measure(opened(b"x"), Limits(400, 30))
    assert "PATH" in shown.read_text() and "AWS" not in shown.read_text()


@pytest.mark.slow
def test_a_recording_beyond_its_read_budget_keeps_what_was_read() -> None:
    data = synthetic.movie(synthetic.scenes(5, 2, size=(640, 360)), options={"movflags": "faststart"})
    enough = opened(data, block=256)
    complete = sampling.sample(enough, sampling.Task("video", 0, 4, 1), Limits(900, 60))
    assert len(complete.pictures) == 4 and complete.incomplete is None
    file = opened(data, reads=enough.fetches - 1, block=256)
    sampled = sampling.sample(file, sampling.Task("video", 0, 4, 1), Limits(900, 60))
    assert sampled.incomplete == "incomplete: it needs more reads than its size allows"
    assert sampled.pictures and file.fetches == enough.fetches - 1
    with pytest.raises(Unreadable, match="it needs more reads than its size allows"):
        sampling.sample(opened(data, reads=1, block=512), sampling.Task("video", 0, 4, 1), Limits(900, 60))


def test_a_video_without_a_picture_says_so() -> None:
    sampled = sampling.sample(
        opened(synthetic.movie(sound=synthetic.hum(1))), sampling.Task("video", 0, 4, 1), Limits(900, 60)
    )
    assert sampled.pictures == [] and sampled.incomplete == sampling.NO_PICTURE


def test_an_error_of_s3_is_raised_as_it_is() -> None:
    def fetch(first: int, last: int) -> bytes:
        raise PermissionError("denied")

    with pytest.raises(PermissionError, match="denied"):
        decoding.measure(RangedFile(fetch, 100), Limits(400, 30))


def test_the_sound_of_a_recording_is_written_to_a_file(tmp_path: Path) -> None:
    data = synthetic.movie(sound=synthetic.hum(3))
    path = tmp_path / "sound.flac"
    assert decoding.extract(opened(data), path, Limits(704, 60, 1 << 20)) == pytest.approx(3, abs=0.2)
    assert path.read_bytes().startswith(b"fLaC")
    with pytest.raises(Unreadable):
        decoding.extract(opened(data), path, Limits(704, 60, 1000))


def test_timestamps_cannot_make_endless_silence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(soundtrack, "MAX_S", 1)
    with pytest.raises(Unreadable, match="its timestamps span more than"):
        soundtrack.extract(io.BytesIO(synthetic.movie(sound=synthetic.hum(3))), tmp_path / "sound.flac")


def test_reading_the_served_file_is_reading_the_file() -> None:
    data = bytes(range(256)) * 8
    requests, answers = io.BytesIO(decoder.LENGTH.pack(100) + data[50:150]), io.BytesIO()
    file = decoder.Served(requests, answers, len(data))
    file.seek(50)
    assert file.read(100) == data[50:150] and file.tell() == 150
    assert answers.getvalue() == b"R" + decoder.READ.pack(50, 100)
