"""Convert plain JSON values to DynamoDB's typed attribute values and back.

boto3's own serializer rejects `float`, and importing it slows down every cold start. A `None` inside a map is left
out, so that a catalog item never has NULL attributes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Attribute = dict[str, Any]


def attribute(value: Any) -> Attribute:
    """Convert one value. Raises `TypeError` for values without an attribute type here (NaN, bytes, sets)."""
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
    raise TypeError(f"no DynamoDB attribute type for {value!r}")


def item(values: Mapping[str, Any]) -> dict[str, Attribute]:
    """Convert a mapping to an item, without its `None` values."""
    return {str(k): attribute(v) for k, v in values.items() if v is not None}


def plain(attr: Attribute) -> Any:
    """Convert an attribute value to plain JSON. A number without a fraction becomes an `int`, any other a `float`."""
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
    """Convert an item to a plain mapping."""
    return {k: plain(v) for k, v in values.items()}
