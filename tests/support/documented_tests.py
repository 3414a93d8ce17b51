"""Tests that pages name as `file::name`."""

from __future__ import annotations

import re

from tests.support.paths import REPOSITORY


def exists(test: str) -> bool:
    """Whether a test, or the run of a Terraform test, is defined."""
    file, _, name = test.partition("::")
    path = REPOSITORY / file
    definition = rf'^run "{name}" \{{' if file.endswith(".hcl") else rf"^def {name}\("
    return path.is_file() and bool(re.search(definition, path.read_text(encoding="utf-8"), re.MULTILINE))


def missing(text: str) -> list[str]:
    """Tests in backticks, as `file::name`, that do not exist."""
    return [test for test in re.findall(r"`([^`\s]+\.(?:py|hcl)::[^`]*)`", text) if not exists(test)]
