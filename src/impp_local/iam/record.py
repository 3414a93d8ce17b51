"""Which statements a run needed: those whose removal would have changed the answer to at least one of its requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from impp_local.iam.evaluation import Decision, Statements

Name = tuple[str, str]
"""A statement: where it stands, and its Sid or position."""


class Record:
    """What decisions rested on. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deciding: set[frozenset[Name]] = set()

    def add(self, decision: Decision) -> None:
        """Note the statements of a decision."""
        groups = {frozenset((s.policy, s.name) for s in group) for group in decision.deciding}
        if not groups <= self._deciding:
            with self._lock:
                self._deciding |= groups

    def needed(self) -> set[Name]:
        """Statements that no other could have stood in for."""
        return {name for group in set(self._deciding) if len(group) == 1 for name in group}

    def used(self) -> set[Name]:
        """Statements that allowed or denied something, alone or with others."""
        return {name for group in set(self._deciding) for name in group}


def report(record: Record, policies: Iterable[Statements]) -> dict[str, list[dict[str, str]]]:
    """`{"needed", "replaceable", "unused"}`, each a list of `{"policy", "statement"}`."""
    needed, used = record.needed(), record.used()
    kinds: dict[str, list[dict[str, str]]] = {"needed": [], "replaceable": [], "unused": []}
    listed = {(statement.policy, statement.name) for statements in policies for statement in statements}
    for name in sorted(listed):
        kind = "needed" if name in needed else "replaceable" if name in used else "unused"
        kinds[kind].append({"policy": name[0], "statement": name[1]})
    return kinds
