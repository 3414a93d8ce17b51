"""Proxies of what cameras write: decoded again and compared with what was recorded."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.difficult_files import CASES

from impp_footage import boxes, reader
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.proxy import Proxy, Size, encode


def proxy_of(data: bytes, path: Path, size: tuple[int, int] = (160, 90), fps: int = 5, seconds: float = 4) -> Proxy:
    return encode(io.BytesIO(data), path, Size(*size, Fraction(fps), 1_000_000, seconds), lambda: False)


def pictures(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_a_further_camera_has_its_own_pictures_and_no_sound(tmp_path: Path) -> None:
    (case,) = [case for case in CASES if case.name == "two cameras.mp4"]
    for track, size in ((1, (192, 108)), (2, (160, 90))):
        path = tmp_path / f"{track}.mp4"
        wanted = Size(192, 108, Fraction(5), 1_000_000, 2.0, track)
        proxy = encode(io.BytesIO(case.make()), path, wanted, lambda: False)
        assert (proxy.width, proxy.height) == size and proxy.seconds == pytest.approx(2, abs=0.1)
        with av.open(str(path)) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == size
            assert bool(container.streams.audio) == (track == 1)
    with pytest.raises(Unreadable, match="no picture"):
        encode(
            io.BytesIO(case.make()), tmp_path / "3.mp4", Size(192, 108, Fraction(5), 1_000_000, 2.0, 3), lambda: False
        )


def test_half_the_pictures_stay_with_their_sound(tmp_path: Path) -> None:
    path = tmp_path / "proxy.mp4"
    original = synthetic.scenes(4, 1)
    proxy = proxy_of(synthetic.movie(original, sound=synthetic.speech(4)), path)
    assert proxy.is_complete and proxy.pictures == 20 and proxy.seconds == pytest.approx(4, abs=0.1)
    with path.open("rb") as file:
        assert [box.kind for box in boxes.walk(reader.of_file(file))][:2] == [b"ftyp", b"moov"]
    with av.open(str(path)) as container:
        video: Any
        audio: Any
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.pix_fmt, video.profile) == (160, 90, "yuv420p", "High")
        assert float(audio.duration * audio.time_base) == pytest.approx(4, abs=0.1)
        packets: Any = container.demux(video)
        assert [round(p.pts * p.time_base) for p in packets if p.is_keyframe and p.size] == [0, 2]
    decoded = pictures(path)
    assert [frame.time for frame in decoded] == pytest.approx([n / 5 for n in range(20)])
    assert {(f.color_primaries, f.color_trc, f.colorspace, f.color_range) for f in decoded} == {(1, 1, 1, 1)}
    for n in (0, 9, 19):
        shown = decoded[n].to_ndarray(format="rgb24").astype(int)
        assert np.abs(shown - original[2 * n][::2, ::2].astype(int)).mean() < 12


@pytest.mark.parametrize(
    ("matrix", "size", "transform"),
    [
        ((0, 1, -1, 0), (90, 160), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), (160, 90), lambda picture: np.rot90(picture, 2)),
        ((-1, 0, 0, 1), (160, 90), lambda picture: picture[:, ::-1]),
        ((0, 1, 1, 0), (90, 160), lambda picture: np.rot90(picture[:, ::-1], 1)),
    ],
)
def test_it_is_upright(tmp_path: Path, matrix: Any, size: tuple[int, int], transform: Any) -> None:
    stored = synthetic.scenes(1, 1)
    proxy_of(synthetic.displayed(synthetic.movie(stored), matrix), tmp_path / "proxy.mp4", size, seconds=1)
    shown = pictures(tmp_path / "proxy.mp4")[2].to_ndarray(format="rgb24").astype(int)
    assert np.abs(shown - transform(stored[0])[::2, ::2].astype(int)).mean() < 15


def hdr(path: Path, transfer: int, luma: int) -> bytes:
    """A grey picture of 10-bit HEVC in BT.2100."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, 1
        context.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        for _ in range(10):
            frame = av.VideoFrame(320, 180, "yuv420p10le")
            for plane, value in zip(frame.planes, (luma, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, "<u2").tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(("transfer", "white"), [(16, 573), (18, 721)])
def test_high_dynamic_range_becomes_standard(tmp_path: Path, transfer: int, white: int) -> None:
    """The signal of white paper (ITU-R BT.2408: 58 % of PQ, 75 % of HLG) is bright, not clipped; black stays black."""
    levels = []
    for luma in (64, white):
        proxy_of(hdr(tmp_path / "hdr.mp4", transfer, luma), tmp_path / "proxy.mp4", seconds=1)
        frame = pictures(tmp_path / "proxy.mp4")[0]
        assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)
        levels.append(frame.to_ndarray(format="rgb24").mean())
    assert levels[0] < 8 and 120 < levels[1] < 235


def test_a_damaged_end_keeps_what_decodes(tmp_path: Path) -> None:
    data = synthetic.movie(synthetic.scenes(4, 1), sound=synthetic.speech(4), container="matroska")
    proxy = proxy_of(data[: len(data) // 2], tmp_path / "proxy.mp4")
    assert 0.5 < proxy.seconds < 3.5


def test_nothing_to_decode_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="does not open"):
        proxy_of(b"\0" * 4096, tmp_path / "proxy.mp4")


def test_it_stops_when_the_time_is_used_up(tmp_path: Path) -> None:
    checks = iter([False] * 15)
    size = Size(160, 90, Fraction(5), 1_000_000, 4)
    data = synthetic.movie(synthetic.scenes(4, 1))
    proxy = encode(io.BytesIO(data), tmp_path / "p.mp4", size, lambda: next(checks, True))
    assert not proxy.is_complete and 0 < proxy.seconds < 3
