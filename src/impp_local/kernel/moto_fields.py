"""The names under which moto looks for each field of a response, derived once per field.

moto derives them for every field of every response, from a chain of aliases. In DynamoDB's responses, whose every value
is a structure of ten members, that took longer than everything else.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker

_get_value: Final = ResponseSerializer.get_value
_MISSING: Final = object()
_names: Final[dict[tuple[str, str, str, str, str], tuple[str, ...] | None]] = {}


@cache
def keep() -> None:
    """Keep the names of the fields of dictionaries; other objects are left to moto. Idempotent."""
    serializer: Any = ResponseSerializer
    serializer.get_value = _field


def _field(serializer: Any, value: Any, key: str, shape: Any) -> Any:
    picker = serializer._value_picker
    if type(value) is not dict or type(picker) is not XFormedAttributePicker or picker.response_transformers:
        return _get_value(serializer, value, key, shape)
    service = serializer.operation_model.service_model.service_name
    parent = getattr(shape, "parent", None)
    field = (service, parent.name if parent else "", key, shape.name, shape.serialization.get("name", ""))
    if field not in _names:
        _names[field] = _possible_names(picker, key, shape)
    names = _names[field]
    if names is None:
        return _get_value(serializer, value, key, shape)
    for name in names:
        if (picked := value.get(name, _MISSING)) is not _MISSING:
            return picked
    return None


def _possible_names(picker: Any, key: str, shape: Any) -> tuple[str, ...] | None:
    """The keys of a dictionary that moto tries; None if it would try a path, or an attribute of the dictionary."""
    names = tuple(dict.fromkeys(picker.get_possible_keys(AttributePickerContext({}, key, shape))))
    return None if any("." in name or hasattr(dict, name) for name in names) else names
