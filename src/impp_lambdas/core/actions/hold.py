"""Hold and release: a legal hold, under which S3 lets nobody delete a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impp_lambdas.core.actions.decision import MISSING, Decision, nothing_to_do, proceed, refuse


def decide(item: Mapping[str, Any] | None) -> Decision:
    """Whether an asset can be put on hold."""
    if item is None:
        return MISSING
    if item.get("state") == "gone":
        return refuse("the original was deleted from the bucket")
    if hold := item.get("hold"):
        return nothing_to_do(f"it is on hold since {hold['since']}")
    return proceed("put its original on hold: nobody can delete it until it is released")


def decide_release(item: Mapping[str, Any] | None) -> Decision:
    """Whether an asset's hold can be released."""
    if item is None:
        return MISSING
    if hold := item.get("hold"):
        return proceed(f"release the hold of {hold['since']}{_quoted(hold.get('reason'))}")
    return nothing_to_do("it is not on hold")


def _quoted(reason: str | None) -> str:
    return f' ("{reason}")' if reason else ""
