"""The committed reference pages are those that `make reference` would write."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from impp_build.reference import ROOT, pages, schemas


@pytest.mark.slow
def test_generated_pages_are_current() -> None:
    generated = list(pages())
    assert len(generated) > 20
    for page in generated:
        assert page.file.read_text(encoding="utf-8") == page.text, f"{page.path}: run `make reference` and commit it"


@pytest.mark.parametrize("document", schemas.DOCUMENTS, ids=lambda document: document.path)
def test_example_fits_its_schema(document: schemas.Document) -> None:
    schema, example = (json.loads((ROOT / name).read_text("utf-8")) for name in (document.schema, document.example))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(example)


@pytest.mark.parametrize("document", schemas.DOCUMENTS, ids=lambda document: document.path)
def test_every_field_has_a_description(document: schemas.Document) -> None:
    schema = json.loads((ROOT / document.schema).read_text("utf-8"))
    definitions: dict[str, Any] = schema.get("$defs", {})
    bare = [name for name, field in _fields(schema, definitions) if not field.get("description")]
    assert not bare


def _fields(part: Any, definitions: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every field anywhere in a schema, with what its definition says where it refers to one."""
    if not isinstance(part, dict):
        return []
    properties = part.get("properties", {})
    own = [(name, definitions.get(field.get("$ref", "")[8:], {}) | field) for name, field in properties.items()]
    inner = [*properties.values(), *part.get("$defs", {}).values(), part.get("items"), part.get("additionalProperties")]
    return [*own, *(found for each in inner for found in _fields(each, definitions))]
