"""A rung of an HLS ladder, made in parts: their segments are those of a rung made at once."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.support import synthetic_media as synthetic

from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import rung
from impp_lambdas.core.media.proxy import Size

FPS = Fraction(10)
SIZE = Size(160, 90, FPS, 400_000, 20.0)


def film() -> io.BytesIO:
    return io.BytesIO(synthetic.movie(synthetic.scenes(5, 4), sound=synthetic.hum(20)))


def never() -> bool:
    return False


def after(calls: int) -> rung.IsLate:
    """The time is up after so many packets."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


def times(path: Path, part: rung.Part) -> list[list[float]]:
    """When pictures are shown, by segment, as a player learns it from the initialization and the segment's bytes."""
    data = path.read_bytes()
    result = []
    for _, offset, size in part.segments:
        with av.open(io.BytesIO(data[: part.header] + data[offset : offset + size])) as container:
            assert not container.streams.audio
            result.append([float(frame.time) for frame in container.decode(video=0)])
    return result


@pytest.mark.slow
def test_parts_are_cut_where_the_whole_has_segments(tmp_path: Path) -> None:
    whole = rung.encode(film(), tmp_path / "whole.cmfv", SIZE, 0, never)
    assert [length for length, _, _ in whole.segments] == pytest.approx([6, 6, 6, 2])
    assert (whole.next, whole.codecs[:9]) == (None, "avc1.6400")
    first = rung.encode(film(), tmp_path / "first.cmfv", SIZE, 0, after(150))
    assert first.next is not None and 0 < first.next < 3
    rest = rung.encode(film(), tmp_path / "rest.cmfv", SIZE, first.next, never)
    assert (rest.first, rest.next) == (first.next, None)
    lengths = [length for part in (first, rest) for length, _, _ in part.segments]
    assert lengths == pytest.approx([6, 6, 6, 2])
    shown = times(tmp_path / "whole.cmfv", whole)
    assert shown == [
        pytest.approx([n / 10 for n in range(a, b)]) for a, b in ((0, 60), (60, 120), (120, 180), (180, 200))
    ]
    parts = [*times(tmp_path / "first.cmfv", first), *times(tmp_path / "rest.cmfv", rest)]
    assert parts == [pytest.approx(segment) for segment in shown]


def test_a_hole_in_the_film_leaves_no_segment_without_a_picture(tmp_path: Path) -> None:
    pictures = synthetic.scenes(4, 2)
    at = [n / 10 if n < 20 else n / 10 + 11 for n in range(len(pictures))]
    data = synthetic.movie(pictures, times=at)
    part = rung.encode(io.BytesIO(data), tmp_path / "rung.cmfv", SIZE, 0, never)
    assert [length for length, _, _ in part.segments] == pytest.approx([12, 6, 1])
    assert times(tmp_path / "rung.cmfv", part)[1][0] == pytest.approx(13)


def test_no_whole_segment_in_the_time_and_no_picture_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="takes too long"):
        rung.encode(film(), tmp_path / "rung.cmfv", SIZE, 0, after(20))
    with pytest.raises(Unreadable, match="no video"):
        rung.encode(io.BytesIO(synthetic.movie(sound=synthetic.hum(1))), tmp_path / "rung.cmfv", SIZE, 0, never)
