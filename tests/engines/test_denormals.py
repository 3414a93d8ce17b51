"""A model may take denormal numbers for zero; the rest of the process must not."""

from __future__ import annotations

import platform
import sys
import threading

import numpy as np
import pytest

from impp_engines import denormals, text

SMALLEST_NORMAL = sys.float_info.min


def halves_exactly() -> bool:
    return SMALLEST_NORMAL / 2 != 0.0


def test_running_a_model_leaves_denormal_numbers_as_they_were() -> None:
    text.read(np.zeros((64, 64, 3), np.uint8))
    inherited: list[bool] = []
    thread = threading.Thread(target=lambda: inherited.append(halves_exactly()))
    thread.start()
    thread.join()
    assert halves_exactly()
    assert inherited == [True]


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="nothing changes elsewhere")
def test_denormal_numbers_are_zero_inside_the_block_and_not_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), denormals.as_zero():
        assert not halves_exactly()
        1 / 0  # noqa: B018
    assert halves_exactly()
