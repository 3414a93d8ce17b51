"""Which statements of the IAM policies the end-to-end tests need; rewrites the table of docs/design/security.md.

    PYTHONPATH=src:edge .venv/bin/python benchmarks/needed_statements.py
    PYTHONPATH=src:edge .venv/bin/python benchmarks/needed_statements.py --recorded FOLDER   # of a run before

Runs `tests/e2e` with IMPP_STATEMENTS set, for which each test writes what its local cloud needed so far
(`tests/e2e/conftest.py`). Rows keep their reasons; rows that fit no statement go. A statement without a row gets
one without a reason, which somebody has to write: then the command fails.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "design" / "security.md"
HEAD = "| Policy | Statement | Why no test needs it |\n| --- | --- | --- |\n"
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (.*) \|$", re.MULTILINE)
COUNT = re.compile(r"The end-to-end tests deploy \d+ statements and need \d+ of them\.")

Name = tuple[str, str]
"""Policy and statement."""


def main() -> None:
    """Run the tests, or take what a run recorded, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recorded", type=Path)
    recorded = parser.parse_args().recorded
    with tempfile.TemporaryDirectory() as folder:
        if recorded is None:
            recorded = Path(folder)
            command = [sys.executable, "-m", "pytest", "-q", "tests/e2e"]
            environ = {**os.environ, "IMPP_STATEMENTS": folder}
            if subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode:  # noqa: S603
                sys.exit("The tests failed, so what they need is unknown.")
        needed, listed = read(recorded)
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(HEAD)
    rows, end = rest.split("\n\n", 1)
    table, unexplained = rewritten(ROW.findall(rows), sorted(listed - needed))
    count = f"The end-to-end tests deploy {len(listed)} statements and need {len(needed & listed)} of them."
    PAGE.write_text(COUNT.sub(count, before) + HEAD + table + "\n" + end, "utf-8")
    print(count)
    if unexplained:
        sys.exit(f"{len(unexplained)} statements have no reason yet: {unexplained}")


def read(folder: Path) -> tuple[set[Name], set[Name]]:
    """The statements that some cloud needed, and those that all had."""
    needed, listed = set[Name](), set[Name]()
    files = list(folder.glob("*.json"))
    if not files:
        sys.exit(f"{folder} holds no records.")
    for file in files:
        for kind, statements in json.loads(file.read_text("utf-8")).items():
            names = {(one["policy"], one["statement"]) for one in statements}
            listed |= names
            if kind == "needed":
                needed |= names
    return needed, listed


def rewritten(rows: list[tuple[str, str, str]], unneeded: list[Name]) -> tuple[str, list[Name]]:
    """The rows that fit an unneeded statement, then those without a reason; and their names."""
    fits = {row: [name for name in unneeded if all(map(fnmatchcase, name, row[:2]))] for row in rows}
    explained = {name for names in fits.values() for name in names}
    unexplained = [name for name in unneeded if name not in explained]
    kept = [row for row in rows if fits[row]] + [(*name, "?") for name in unexplained]
    return "".join(f"| `{policy}` | `{statement}` | {why} |\n" for policy, statement, why in kept), unexplained


if __name__ == "__main__":
    main()
