"""What renditions on request cost: the quote before the work, and the ledger's lines after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money import ledger, retrieval
from impp_lambdas.core.money.pricing import GB, LedgerLine, PriceBook
from impp_lambdas.core.money.usage import lambda_lines, request_lines

if TYPE_CHECKING:
    from impp_lambdas.core.planning.on_request import Order

TRANSITIONS = 7
"""States of a run that makes something: Prepare, Decide, StatePrice, Restore, Transcode, Record, Notify."""

RESTORED_DAYS = 2
"""How long the restored copy of an original can be read."""
TIER = "standard"

FUNCTIONS_S, FUNCTIONS_MB, FUNCTIONS = 6.0, 256, 4
"""Runs of functions for a request, rounded up: seconds, memory, invocations."""


def quote(order: Order, archived: str | None, machine: str) -> ledger.Lines:
    """An upper bound, before anything is paid. `archived` is the storage class to restore from, or None."""
    facts = order.facts
    lines = [ledger.output_line(r.to_dict(), facts, facts.duration_s) for r in order.renditions]
    lines += restore_lines(archived, facts.bytes)
    lines += lambda_lines(FUNCTIONS_S, FUNCTIONS_MB, machine, FUNCTIONS)
    lines += request_lines(gets=20, puts=len(order.renditions) + 2)
    stored = sum(int(r.max_bitrate) / 8 * facts.duration_s for r in order.renditions)
    lines.append(_line("standard", stored / GB))
    return ledger.merge([*lines, _transitions(0)])


def restore_lines(archived: str | None, size: int) -> ledger.Lines:
    """Retrieval from an archive, and the copy that can be read meanwhile."""
    return retrieval.lines(archived, size, TIER, RESTORED_DAYS) if archived else []


def spent(
    renditions: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    delivered: Sequence[Mapping[str, Any]],
    usages: Sequence[Sequence[Mapping[str, Any]]],
    retries: int,
) -> ledger.Lines:
    """What a request did cost. `renditions` are the planned ones, `delivered` what came of them."""
    lines = [line for usage in usages for line in ledger.from_dicts(usage)]
    for rendition, result in zip(renditions, delivered, strict=True):
        seconds = float(result["duration_s"] or facts["duration_s"])
        lines.append(ledger.output_line(rendition, facts, seconds))
    lines.append(_line("standard", sum(int(result["bytes"]) for result in delivered) / GB))
    return ledger.merge([*lines, _transitions(retries)])


def _transitions(retries: int) -> LedgerLine:
    return PriceBook.load().line("states", "standard_transition", TRANSITIONS + retries)


def _line(item: str, quantity: float) -> LedgerLine:
    return PriceBook.load().line("s3", item, quantity)
