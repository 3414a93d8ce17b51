"""The rows of `functions.toml` as quote and ledger need them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parents[3] / "impp_lambdas/functions.toml"


@cache
def table() -> Mapping[str, Any]:
    """The rows by the function's name."""
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def steps(verdict: str) -> list[str]:
    """The functions whose state a run with this verdict of Inspect enters once, outside the branches."""
    return [name for name, row in table().items() if verdict in row.get("verdicts", ())]
