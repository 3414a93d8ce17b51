"""The table of functions, `src/impp_lambdas/functions.toml`: size, time limit and description of each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impp_build import BuildError

_LIMITS = {"memory_mb": (128, 10_240), "timeout_s": (1, 900), "ephemeral_storage_mb": (512, 10_240)}
"""Lambda's quotas (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
_ESTIMATE = frozenset({"seconds", "per_call", "per_gb", "per_minute"})
VERDICTS = ("process", "archive_only", "quarantine")
"""Inspect's verdicts that lead to Publish or Quarantine, as `core/money/ledger.py` counts them; a test compares."""
_DESCRIPTION_MAX = 256
"""Longest description that CreateFunction accepts (botocore's model of Lambda)."""


@dataclass(frozen=True)
class Function:
    """One row. Each of `features`, branches of the state machine, needs the function; without any, every build has it.
    `verdicts` are those of Inspect with which every run enters its state outside the branches."""

    description: str
    memory_mb: int
    timeout_s: int
    ephemeral_storage_mb: int = 512
    features: Sequence[str] = ()
    verdicts: Sequence[str] = ()
    estimate: Mapping[str, float] | None = None

    def to_manifest(self) -> dict[str, Any]:
        """Return what Terraform sets."""
        return {
            "description": self.description,
            "memory_mb": self.memory_mb,
            "timeout_s": self.timeout_s,
            "ephemeral_storage_mb": self.ephemeral_storage_mb,
        }


def read(table: Path, handlers: Iterable[str], features: Mapping[str, bool]) -> dict[str, Function]:
    """Return the rows by name. Raises BuildError for a row that is wrong, and where rows and handlers differ."""
    try:
        rows = tomllib.loads(table.read_text("utf-8"))
    except OSError as error:
        raise BuildError(f"{table}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{table}: {error}") from error
    known = set(handlers)
    for name in sorted(known ^ rows.keys()):
        problem = "the function has no row" if name in known else f"there is no {table.parent.name}/handlers/{name}.py"
        raise BuildError(f"{table}: [{name}]: {problem}")
    return {name: _function(f"{table}: [{name}]", row, features) for name, row in sorted(rows.items())}


def _function(where: str, row: dict[str, Any], features: Mapping[str, bool]) -> Function:
    try:
        function = Function(**row)
    except TypeError as error:
        raise BuildError(f"{where}: {str(error).partition(') ')[2]}") from error
    if not isinstance(function.description, str) or not 0 < len(function.description) <= _DESCRIPTION_MAX:
        raise BuildError(f"{where}: description must have 1 to {_DESCRIPTION_MAX} characters")
    for name, (least, most) in _LIMITS.items():
        value = getattr(function, name)
        if type(value) is not int or not least <= value <= most:
            raise BuildError(f"{where}: {name} is {value!r}; it must be a whole number from {least} to {most}")
    for name in ("features", "verdicts"):
        if not isinstance(value := getattr(function, name), list | tuple):
            raise BuildError(f"{where}: {name} is {value!r}; it must be a list")
    for feature in function.features:
        if feature not in features:
            raise BuildError(f"{where}: feature {feature!r} is none of {', '.join(sorted(features))}")
    estimate = function.estimate
    if estimate is not None and not ({"seconds"} <= estimate.keys() <= _ESTIMATE):
        raise BuildError(
            f"{where}: estimate must have seconds and may have {', '.join(sorted(_ESTIMATE - {'seconds'}))}"
        )
    for verdict in function.verdicts:
        if verdict not in VERDICTS:
            raise BuildError(f"{where}: verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    if function.verdicts and function.features:
        raise BuildError(f"{where}: a function with verdicts may have no features: every run enters its state")
    if "process" in function.verdicts and estimate is None:
        raise BuildError(f"{where}: estimate is missing: the quote needs it of a step of every run")
    return function
