"""The synthetic archive is like a real one: its documents fit the schemas that the pipeline's own fit."""

from __future__ import annotations

import json

import jsonschema
import pytest
from tests.support.gallery.archive import Archive
from tests.support.paths import REPOSITORY

from impp_lambdas.core.results import index


@pytest.mark.parametrize("is_hostile", [False, True])
def test_its_documents_fit_the_schemas(is_hostile: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_ASSETS", 50)
    archive = Archive(120, 3, is_hostile=is_hostile)
    documents = {"manifest": [archive.manifest(entry["asset"]) for entry in archive.entries], "index-shards": []}
    documents |= {"index-month": [], "index-words": []}
    for key, document in archive.documents().items():
        kind = "shards" if index.is_split(document) else "words" if "words" in key else "month"
        documents[f"index-{kind}"].append(document)
    for name, some in documents.items():
        schema = json.loads((REPOSITORY / f"schemas/{name}.v1.schema.json").read_text("utf-8"))
        check = jsonschema.Draft202012Validator(schema)
        assert [document for document in some if document], name
        for document in some:
            if document:  # an asset that was not published has no manifest
                check.validate(document)
