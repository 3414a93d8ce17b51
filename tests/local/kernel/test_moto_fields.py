"""A field of a response is the one that moto picks."""

from __future__ import annotations

from typing import Any

import botocore.loaders
import pytest
from moto.core.model import ServiceModel
from moto.core.serialize import (
    AttributePickerContext,
    ResponseSerializer,
    XFormedAttributePicker,
    get_serializer_class,
)

from impp_local.kernel import moto_fields

moto_fields.keep()


def members(service: str) -> list[tuple[Any, str, Any]]:
    """Each field of each structure that an operation of the service returns: operation, key, shape."""
    model = ServiceModel(botocore.loaders.create_loader().load_service_model(service, "service-2"), service)
    fields, seen = [], set()

    def visit(operation: Any, shape: Any) -> None:
        if shape is None or shape.name in seen:
            return
        seen.add(shape.name)
        for key, member in getattr(shape, "members", {}).items():
            member.parent = shape
            fields.append((operation, key, member))
            visit(operation, member)
        for part in ("member", "value"):
            visit(operation, getattr(shape, part, None))

    for name in model.operation_names:
        operation = model.operation_model(name)
        visit(operation, operation.output_shape)
    return fields


@pytest.mark.parametrize("service", ["dynamodb", "s3", "sqs", "lambda", "cloudfront", "stepfunctions"])
def test_a_field_has_the_value_that_moto_picks(service: str) -> None:
    fields = members(service)
    for operation, key, shape in fields:
        serializer = get_serializer_class(operation.service_model.service_name, "json")(
            operation_model=operation, value_picker=XFormedAttributePicker()
        )
        picker = serializer._value_picker
        names = [*picker.get_possible_keys(AttributePickerContext({}, key, shape))]
        for value in ({}, {"other": 1}, *({name: f"at {name}"} for name in names), dict.fromkeys(names, None)):
            ours = ResponseSerializer.get_value(serializer, value, key, shape)
            theirs = moto_fields._get_value(serializer, value, key, shape)
            assert ours == theirs or callable(theirs), (key, shape.name, value)
    assert fields
