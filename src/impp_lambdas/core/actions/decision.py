"""What an action comes to for one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.money.pricing import LedgerLine, total

WOULD, ACCEPTED, DONE, NOTHING, REFUSED = "would", "accepted", "done", "nothing", "refused"
"""States of a result: what a quote would do; begun, or done; nothing to do; not allowed."""


@dataclass(frozen=True)
class Decision:
    """Whether an action may proceed (`would`), and if not, why. `usd` None: unknown before the file is inspected; then
    `most_usd` is the limit that its quote must keep, None without one.

    `ready_in_s` are the seconds until the result is there; `retry_in_s` until a refused request may be repeated.
    """

    status: str
    message: str
    lines: tuple[LedgerLine, ...] = ()
    usd: float | None = 0.0
    ready_in_s: int | None = None
    retry_in_s: int | None = None
    most_usd: float | None = None

    @property
    def proceeds(self) -> bool:
        """Whether there is something to do."""
        return self.status == WOULD

    def result(self, asset: str, status: str | None = None, message: str | None = None) -> dict[str, Any]:
        """The result for an asset as JSON, with another status and message once it is done."""
        fields: Mapping[str, Any] = {
            "asset": asset,
            "status": status or self.status,
            "message": message or self.message,
            "usd": None if self.usd is None else round(self.usd, 6),
            "most_usd": None if self.most_usd is None else round(self.most_usd, 6),
            "ready_in_s": self.ready_in_s,
            "retry_in_s": self.retry_in_s,
        }
        return {name: value for name, value in fields.items() if value is not None}


def proceed(message: str, lines: list[LedgerLine] | None = None, ready_in_s: int | None = None) -> Decision:
    """The action may proceed, at the sum of the lines."""
    priced = tuple(lines or ())
    return Decision(WOULD, message, priced, total(priced), ready_in_s)


def nothing_to_do(message: str) -> Decision:
    """There is nothing to do, and nothing to pay."""
    return Decision(NOTHING, message)


def refuse(message: str, retry_in_s: int | None = None) -> Decision:
    """The action is not allowed."""
    return Decision(REFUSED, message, retry_in_s=retry_in_s)


MISSING = refuse("there is no such asset")
