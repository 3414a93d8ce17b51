"""Plain values and DynamoDB's attribute values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.adapters import attributes

VALUES = st.recursive(
    st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_items_survive_the_round_trip(values: dict[str, Any]) -> None:
    assert attributes.plain_item(attributes.item(values)) == values


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1}])
def test_values_without_an_attribute_type_are_rejected(value: Any) -> None:
    with pytest.raises(TypeError):
        attributes.attribute(value)
