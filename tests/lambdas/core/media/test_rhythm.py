"""How fast frames follow each other in a container that lists none."""

from __future__ import annotations

import io

import pytest
from tests.support.difficult_files import X264, picture, silent, sound

from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import rhythm


def test_a_steady_rate_is_not_variable_and_keyframes_are_counted() -> None:
    data = silent("mkv", *X264, "-g", "15", "-bf", "2", scene=picture(rate="30", seconds=4))()
    measured = rhythm.rhythm(io.BytesIO(data))
    assert measured == {
        "fps": pytest.approx(30, abs=1),
        "is_variable": False,
        "keyframe_s": pytest.approx(0.5, abs=0.01),
    }


def test_a_cut_file_is_measured_by_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    data = silent("mkv", *X264, scene=picture(rate="25", seconds=4))()
    measured = rhythm.rhythm(io.BytesIO(data[: len(data) * 2 // 3]))
    assert measured and measured["fps"] == pytest.approx(25, abs=1)
    monkeypatch.setattr(rhythm, "MOST_PACKETS", 1)
    assert rhythm.rhythm(io.BytesIO(data)) is None


def test_sound_has_no_rhythm_and_noise_is_unreadable() -> None:
    assert rhythm.rhythm(io.BytesIO(sound("mka", "-c:a", "flac")())) is None
    with pytest.raises(Unreadable):
        rhythm.rhythm(io.BytesIO(bytes(1000)))
