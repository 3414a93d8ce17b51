"""Which statements a run needed: those whose removal would have changed the answer to at least one of its requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from impp_local.iam.evaluation import Decision
from impp_local.iam.policies import Statements

Name = tuple[str, str]
"""A statement: where it stands, and its Sid or position."""


class StatementUse:
    """What decisions rested on. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deciding: set[frozenset[Name]] = set()

    def add(self, decision: Decision) -> None:
        """Note the statements of a decision."""
        for group in decision.deciding:
            names = frozenset([statement.full_name for statement in group])
            if names not in self._deciding:
                with self._lock:
                    self._deciding.add(names)

    def needed(self) -> set[Name]:
        """Statements that no other could have stood in for."""
        return {name for group in set(self._deciding) if len(group) == 1 for name in group}

    def used(self) -> set[Name]:
        """Statements that allowed or denied something, alone or with others."""
        return {name for group in set(self._deciding) for name in group}


def report(record: StatementUse, policies: Iterable[Statements]) -> dict[str, list[dict[str, str]]]:
    """`{"needed", "replaceable", "unused"}`, each a list of `{"policy", "statement"}`."""
    needed, used = record.needed(), record.used()
    kinds: dict[str, list[dict[str, str]]] = {"needed": [], "replaceable": [], "unused": []}
    listed = {statement.full_name for statements in policies for statement in statements}
    for name in sorted(listed):
        kind = "needed" if name in needed else "replaceable" if name in used else "unused"
        kinds[kind].append({"policy": name[0], "statement": name[1]})
    return kinds
