"""docs/design/security.md: each attack names tests that exist, each statement is one of the Terraform of today."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

from benchmarks.needed_statements import rewritten
from tests.support.documented_tests import missing
from tests.support.paths import REPOSITORY

PAGE: Final = (REPOSITORY / "docs" / "design" / "security.md").read_text(encoding="utf-8")


def tables() -> list[list[list[str]]]:
    """The cells of each table, the heading's first."""
    blocks = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    return [[line.strip("| \n").split(" | ") for line in block.splitlines()] for block in blocks]


def test_each_attack_names_tests_that_exist() -> None:
    attacks = [row for table in tables() if table[0][-1] == "Test" for row in table[2:]]
    assert len(attacks) >= 50
    assert not [row[0] for row in attacks if "::" not in row[-1]]
    assert not missing(PAGE)


SID: Final = re.compile(r'\b[sS]id"?\s*[=:]\s*"([^"]+)"|^[ ]+([A-Z]\w*)\s*=\s', re.MULTILINE)
"""The name of a statement: a value of `sid`, or the key of a map of statements."""


def test_each_statement_that_no_test_needs_is_in_the_terraform() -> None:
    files = [file for folder in ("modules", "terraform") for file in (REPOSITORY / folder).rglob("*.tf")]
    names = {sid or key for file in files for sid, key in SID.findall(file.read_text(encoding="utf-8"))}
    patterns = {re.sub(r"\$\{[^}]*\}", "*", name) for name in names}
    (rows,) = [table[2:] for table in tables() if table[0] == ["Policy", "Statement", "Why no test needs it"]]
    statements = [row[1].strip("`") for row in rows]
    assert len(statements) > 10
    assert not [one for one in statements if not any(fnmatchcase(p, one) or fnmatchcase(one, p) for p in patterns)]
    assert not [row for row in rows if row[2] == "?"]


def test_the_table_keeps_reasons_and_asks_for_those_that_are_missing() -> None:
    rows = [("bucket *", "Refuse*", "plain HTTP"), ("role *", "Gone", "as above")]
    table, unexplained = rewritten(rows, [("bucket logs", "RefuseTls"), ("role new", "Read")])
    assert table == "| `bucket *` | `Refuse*` | plain HTTP |\n| `role new` | `Read` | ? |\n"
    assert unexplained == [("role new", "Read")]
