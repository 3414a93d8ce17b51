"""One page per JSON document that people or programs read: its fields, from its schema, and a real example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from impp_build.reference import ROOT, Page
from impp_build.reference.markdown import page, paragraph, table
from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.money.storage import CLASSES
from impp_lambdas.core.results.outcome import BRANCHES

Schema = Mapping[str, Any]

WIDTH: Final = 120
"""Characters of a line in a schema."""


@dataclass(frozen=True)
class Document:
    """A document with a page: its schema, a real example of it and where that is from, and the page."""

    schema: str
    example: str
    origin: str
    path: str
    title: str


DOCUMENTS: Final = (
    Document(
        "schemas/manifest.v1.schema.json", "schemas/examples/manifest.v1.json",
        "The manifest of a clip of the sample card:",
        "docs/reference/manifest.md", "Asset manifest",
    ),
    Document(
        "schemas/tracks.v1.schema.json", "schemas/examples/tracks.v1.json",
        "What was seen in a clip of the sample card, abridged:",
        "docs/reference/tracks.md", "Tracks",
    ),
    Document(
        "schemas/index-shards.v1.schema.json", "schemas/examples/index-shards.v1.json",
        "An archive with assets of two months, the newer of which has been split:",
        "docs/reference/index-shards.md", "Index: list of shards",
    ),
    Document(
        "schemas/index-month.v1.schema.json", "schemas/examples/index-month.v1.json",
        "Two files of the sample card:",
        "docs/reference/index-month.md", "Index: assets of a month",
    ),
    Document(
        "schemas/index-words.v1.schema.json", "schemas/examples/index-words.v1.json",
        "What was seen and said in one of them:",
        "docs/reference/index-words.md", "Index: what was seen and said",
    ),
    Document(
        "schemas/youtube.v1.schema.json", "schemas/examples/youtube.v1.json",
        "The suggestions for a film about a canoe:",
        "docs/reference/youtube.md", "Suggestions for YouTube",
    ),
    Document(
        "schemas/report.v1.schema.json", "schemas/examples/report.v1.json",
        "The report of a run with the sample card, abridged: one of seven files, and the first entries of long lists.",
        "docs/reference/report.md", "Demo report",
    ),
)  # fmt: skip


def pages() -> Iterator[Page]:
    """The schemas with the lists that the pipeline's tables decide, and the pages of all documents."""
    for document in DOCUMENTS:
        text = _with_tables((ROOT / document.schema).read_text(encoding="utf-8"))
        yield Page(document.schema, text)
        yield Page(document.path, page(document.title, f"`{document.schema}`", _parts(document, json.loads(text))))


def _with_tables(schema: str) -> str:
    """A schema's text whose storage classes, branches and detectors are the pipeline's."""
    names, tags = ([getattr(c, attribute) for c in CLASSES] for attribute in ("name", "tag"))
    keys_of = r'": {\s*"type": "object",\s*"propertyNames'
    lists = {
        "detector": list(DETECTORS),
        "storage_class": names,
        "tag": tags,
        f"outlook_usd{keys_of}": tags,
        f"branches{keys_of}": BRANCHES,
    }
    for field, values in lists.items():
        schema = re.sub(rf'("{field}": {{\s*"enum": )\[[^\]]*\]', rf"\g<1>{json.dumps(values)}", schema)
    fields = _laid_out({name: detector.schema for name, detector in DETECTORS.items()}, 6)
    analysis = re.compile(r'("analysis": {[^{}]*"properties": ){\n.*?\n {6}}', re.DOTALL)
    return analysis.sub(lambda match: match[1] + fields, schema)


def _laid_out(value: Any, indent: int, start: int = WIDTH) -> str:
    """JSON as the schemas have it: an object on one line if that fits where it starts, else a member per line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, Mapping) or start + len(line) < WIDTH:
        return line
    keys = {f"{' ' * (indent + 2)}{json.dumps(name)}: ": one for name, one in value.items()}
    rows = (key + _laid_out(one, indent + 2, len(key)) for key, one in keys.items())
    return "{\n" + ",\n".join(rows) + f"\n{' ' * indent}}}"


def _parts(document: Document, schema: Schema) -> Iterator[str]:
    reader = _Reader(schema.get("$defs", {}))
    yield paragraph(schema["description"])
    yield f"Schema: [{document.schema}](../../{document.schema}) (JSON Schema 2020-12)."
    yield "## Fields"
    yield from reader.sections("", schema)
    for name, part in reader.shared.items():
        if "properties" in part:
            yield f"### `{name}`"
            if "description" in part:
                yield paragraph(part["description"])
            yield from reader.sections(name, part)
    yield "## Example"
    yield paragraph(document.origin)
    yield "```json\n" + (ROOT / document.example).read_text(encoding="utf-8").rstrip() + "\n```"


def _link(text: str, heading: str) -> str:
    return f"[{text}](#{re.sub(r'[^a-z0-9_-]', '', heading.lower())})"


@dataclass(frozen=True)
class _Reader:
    """Reads a schema's objects; `shared` are its definitions by name."""

    shared: Mapping[str, Schema]

    def sections(self, path: str, part: Schema) -> Iterator[str]:
        """The table of an object's fields, then a section for each object within it."""
        required = part.get("required", ())
        rows = []
        inner: dict[str, Schema] = {}
        for name, field in part["properties"].items():
            place = f"{path}.{name}" if path else name
            rows.append((f"`{name}`", self._type(place, field), "yes" if name in required else "no", self._text(field)))
            inner |= _objects(place, field)
        yield table(("Field", "Type", "Required", "Meaning"), rows)
        for place, schema in inner.items():
            yield f"### `{place}`"
            yield from self.sections(place, schema)

    def _named(self, field: Schema) -> tuple[str, Schema]:
        name = field.get("$ref", "").removeprefix("#/$defs/")
        return name, self.shared.get(name, {})

    def _text(self, field: Schema) -> str:
        text = field.get("description") or self._named(field)[1].get("description", "")
        return str(text)

    def _type(self, path: str, field: Schema) -> str:
        name, definition = self._named(field)
        if name:
            return _link(name, name) if "properties" in definition else self._type(path, definition)
        if "const" in field:
            return f"`{json.dumps(field['const'])}`"
        if "enum" in field:
            return ", ".join(f"`{value}`" for value in field["enum"])
        kinds = field.get("type", "any")
        return " or ".join(self._kind(kind, path, field) for kind in ([kinds] if isinstance(kinds, str) else kinds))

    def _kind(self, kind: str, path: str, field: Schema) -> str:
        if kind == "array" and "items" in field:
            return f"array of {self._type(f'{path}[]', field['items'])}"
        if kind == "object" and "properties" in field:
            return _link("object", path)
        if kind == "object" and isinstance(field.get("additionalProperties"), Mapping):
            return f"map of {self._type(f'{path}.*', field['additionalProperties'])}"
        if kind in ("integer", "number") and "maximum" in field:
            return f"{kind}, {field.get('minimum', '')} to {field['maximum']}"
        return kind


def _objects(path: str, field: Schema) -> dict[str, Schema]:
    """The object with fields of its own that a field holds, directly, in an array or in a map; by its path."""
    for place, inner in (
        (path, field),
        (f"{path}[]", field.get("items")),
        (f"{path}.*", field.get("additionalProperties")),
    ):
        if isinstance(inner, Mapping) and "properties" in inner:
            return {place: inner}
    return {}
