"""The result of a run and the state's values, as metrics and heartbeats read them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Result:
    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    seconds: float = 1.5
    complete: bool = True
    waiting_bytes: int = 0
    oldest_waiting: float | None = None


class StateValues:
    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def set(self, name: str, value: str) -> None:
        self._values[name] = value
