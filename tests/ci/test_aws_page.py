"""docs/design/aws.md: each defect names tests that exist, and each doubt is one that the smoke run knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.support.documented_tests import exists
from tests.support.paths import REPOSITORY

from impp_smoke.doubts import DOUBTS

PAGE: Final = (REPOSITORY / "docs" / "design" / "aws.md").read_text(encoding="utf-8")
DEFECTS: Final = 30


def rows(heading: str) -> Iterator[list[str]]:
    """Cells of the rows of the table under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    for line in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[2:]:
        yield line.split(" | ")


def test_each_defect_names_tests_that_exist() -> None:
    defects = list(rows("Defects"))
    assert [int(cells[0]) for cells in defects] == list(range(1, DEFECTS + 1))
    for number, *_, shown_by in defects:
        tests = re.findall(r"`([^`]+)`", shown_by)
        assert tests and not [test for test in tests if not exists(test)], number


def test_the_doubts_are_those_of_the_smoke_run() -> None:
    for heading, by_smoke in (("Doubts that a smoke run settles", True), ("Doubts to settle later", False)):
        listed = [(cells[0].strip("`"), *cells[1:]) for cells in rows(heading)]
        assert listed == [(d.id, d.question, d.settled) for d in DOUBTS if d.settled_by_smoke == by_smoke]
