"""Requests for actions, answered once: a repeated request gets the first one's response."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import dynamo
from impp_lambdas.core import keys, times
from impp_lambdas.core.actions.request import Invalid

if TYPE_CHECKING:
    from impp_lambdas.core.actions.request import Request

KEPT = timedelta(days=1)
"""How long a request is known. A later repetition is safe, too: every action looks first whether it is done."""


def begin(table: str, request: Request, now: datetime) -> dict[str, Any] | None:
    """Note a request; returns the response of an earlier one. Raises Invalid if the id stands for another request.

    A request that is noted but has no response died, or still runs; it runs again, which every action allows.
    """
    pk, expires_at = keys.catalog_request(request.request), int((now + KEPT).timestamp())
    item = {"digest": request.digest, "started_at": times.iso(now), "expires_at": expires_at}
    if dynamo.create_item(table, pk, item):
        return None
    known = dynamo.get_item(table, pk) or {}
    if known.get("digest") != request.digest:
        raise Invalid(f"request {request.request} was used for another request; use a new UUID")
    response: dict[str, Any] | None = known.get("response")
    return response


def end(table: str, request: Request, response: dict[str, Any]) -> None:
    """Keep the response of a request, without receipts, which are kept apart: they name files that were erased."""
    results = [{name: value for name, value in one.items() if name != "receipt"} for one in response["results"]]
    dynamo.update_item(table, keys.catalog_request(request.request), {"response": {**response, "results": results}})
