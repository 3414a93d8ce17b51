"""Device names as they stand in object keys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_footage.slug import LONGEST, slug


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("Sony Ä7", "sony-a7"),
        ("  Blue  Car! ", "blue-car"),
        ("日本", "unknown"),
        ("", "unknown"),
        ("a" * 62 + " b", "a" * 62),  # a dash at the 63rd character would end the name
        ("a" * 80, "a" * 63),
    ],
)
def test_makes_a_device_name(text: str, device: str) -> None:
    assert slug(text) == device


@given(st.text(max_size=200))
def test_any_text_gives_a_name_that_stays_the_same(text: str) -> None:
    name = slug(text)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(name) <= LONGEST
    assert slug(name) == name
