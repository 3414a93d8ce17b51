"""The length of recordings whose container does not state it."""

from __future__ import annotations

import io

import pytest
from tests.support import synthetic_media as synthetic

from impp_lambdas.core.media import duration


def test_a_stated_length_is_taken() -> None:
    assert duration.measure(io.BytesIO(synthetic.movie(sound=synthetic.speech(4)))) == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("packets", [20, 2000])
def test_a_live_recording_is_estimated_by_the_rate_of_its_beginning(
    monkeypatch: pytest.MonkeyPatch, packets: int
) -> None:
    data = synthetic.movie(synthetic.scenes(3, 2), container="matroska", options={"live": "1"})
    monkeypatch.setattr(duration, "SAMPLE_PACKETS", packets)
    assert duration.measure(io.BytesIO(data)) == pytest.approx(6, rel=0.4 if packets == 20 else 0.05)


def test_a_file_that_does_not_open_has_no_length() -> None:
    assert duration.measure(io.BytesIO(b"no media at all" * 100)) is None
