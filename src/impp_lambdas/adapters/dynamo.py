"""Plain JSON values to DynamoDB's typed attribute values and back.

Small on purpose: boto3's own serializer refuses ``float`` and costs its import at every cold start.
Absent is absent: a ``None`` inside a map is left out, so that a catalog item never carries NULL attributes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Attribute = dict[str, Any]


def attribute(value: Any) -> Attribute:
    """One value as an attribute value. Raises :class:`TypeError` for what DynamoDB cannot hold (NaN, bytes, sets)."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case float() if math.isfinite(value):
            return {"N": repr(value)}
        case list() | tuple():
            return {"L": [attribute(v) for v in value]}
        case Mapping():
            return {"M": item(value)}
    raise TypeError(f"DynamoDB cannot hold {value!r}")


def item(values: Mapping[str, Any]) -> dict[str, Attribute]:
    """A mapping as an item, without its ``None`` values."""
    return {str(k): attribute(v) for k, v in values.items() if v is not None}


def plain(attr: Attribute) -> Any:
    """An attribute value as plain JSON: numbers become ``int`` when written without a fraction, else ``float``."""
    kind, value = next(iter(attr.items()))
    match kind:
        case "N":
            return int(value) if value.lstrip("-").isdigit() else float(value)
        case "L":
            return [plain(v) for v in value]
        case "M":
            return plain_item(value)
        case "NULL":
            return None
    return value


def plain_item(values: Mapping[str, Attribute]) -> dict[str, Any]:
    """An item as a plain mapping."""
    return {k: plain(v) for k, v in values.items()}
