"""Which state allows which action, at what price, in what time."""

from __future__ import annotations

from typing import Any

import pytest

from impp_lambdas.core.actions import availability, hold, replay, restore
from impp_lambdas.core.actions.availability import Availability
from impp_lambdas.core.actions.request import Options
from impp_lambdas.core.money.pricing import GB

ITEM: dict[str, Any] = {"asset": "0123456789abcdef0123", "state": "published", "size": GB, "bucket": "b", "key": "k"}
DEEP = Availability("archived", "DEEP_ARCHIVE")
READABLE = Availability("readable", "STANDARD")


@pytest.mark.parametrize(
    ("head", "state", "until"),
    [
        (None, "gone", ""),
        ({}, "readable", ""),
        ({"StorageClass": "GLACIER_IR"}, "readable", ""),
        ({"StorageClass": "DEEP_ARCHIVE"}, "archived", ""),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, "archived", ""),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}, "restoring", ""),
        (
            {
                "StorageClass": "GLACIER",
                "Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"',
            },
            "restored",
            "Fri, 21 Dec 2012 00:00:00 GMT",
        ),
    ],
)
def test_where_an_original_is(head: dict[str, Any] | None, state: str, until: str) -> None:
    where = availability.of(head)
    assert (where.state, where.until) == (state, until)


@pytest.mark.parametrize(
    ("where", "options", "status", "why"),
    [
        (None, Options(), "refused", "no such asset"),
        (Availability("gone"), Options(), "refused", "deleted"),
        (READABLE, Options(), "nothing", "at once: its storage class is STANDARD"),
        (Availability("restoring", "GLACIER"), Options(), "nothing", "being restored"),
        (Availability("restored", "GLACIER", "Fri"), Options(), "nothing", "until Fri"),
        (DEEP, Options(tier="expedited"), "refused", "no expedited retrieval; use bulk, standard"),
        (DEEP, Options(), "would", "from DEEP_ARCHIVE for 7 days, ready within 48 h"),
        (
            Availability("archived", "GLACIER"),
            Options(tier="expedited", days=1),
            "would",
            "for 1 day, ready within 5 min",
        ),
    ],
)
def test_a_restore_is_decided_by_where_the_original_is(
    where: Availability | None, options: Options, status: str, why: str
) -> None:
    decided = restore.decide(ITEM if where else None, where, options)
    assert decided.status == status and why in decided.message
    assert bool(decided.usd) == (status == "would")


@pytest.mark.parametrize(
    ("change", "where", "left", "status", "why"),
    [
        ({"state": "published"}, READABLE, None, "nothing", "nothing is missing"),
        ({"state": "processing"}, READABLE, None, "nothing", "being processed"),
        ({"state": "gone"}, Availability("gone"), None, "refused", "deleted"),
        ({"state": "failed"}, Availability("gone"), None, "refused", "deleted"),
        ({"state": "failed"}, READABLE, None, "would", "known once it is inspected"),
        ({"state": "partial", "usd_quote": 0.5}, READABLE, 1.0, "would", "at most $0.5000"),
        ({"state": "deferred", "quote": [{"usd": 2.0}]}, READABLE, 1.0, "refused", "$1.00 of this month's budget"),
        ({"state": "deferred", "usd_quote": 0.5}, DEEP, 1.0, "would", "restore from DEEP_ARCHIVE for 7 days"),
        ({"state": "deferred", "usd_quote": 0.5}, Availability("restoring", "GLACIER"), 1.0, "would", "once it can be"),
    ],
)
def test_a_replay_is_decided_by_the_state_and_the_budget(
    change: dict[str, Any], where: Availability, left: float | None, status: str, why: str
) -> None:
    decided = replay.decide({**ITEM, **change}, where, Options(), left)
    assert decided.status == status and why in decided.message


@pytest.mark.parametrize(
    ("change", "left", "limit", "most", "why"),
    [
        ({"state": "quarantined", "reason": "corrupt", "usd": 0.00042}, 9.0, 2.5, 2.5, "rejected (corrupt) before it"),
        ({"state": "quarantined", "reason": "corrupt", "usd": 0.00042}, 1.5, 2.5, 1.5, "at most $1.50 of this month's"),
        ({"state": "quarantined", "reason": "corrupt", "usd": 0.00042}, 9.0, 2.5, 2.5, "at most $2.50, the limit per"),
        ({"state": "quarantined", "reason": "corrupt", "usd": 0.00042}, 9.0, 2.5, 2.5, "rejected again costs $0.0004"),
        ({"state": "quarantined", "reason": "archived"}, None, None, None, "no budget or limit"),
        ({"state": "failed"}, None, 2.5, 2.5, "its run ended before it"),
        ({"state": "failed"}, -1.0, 2.5, 0.0, "at most $0.00 of this month's budget"),
    ],
)
def test_a_replay_without_a_quote_says_why_and_what_it_may_cost(
    change: dict[str, Any], left: float | None, limit: float | None, most: float | None, why: str
) -> None:
    decided = replay.decide({**ITEM, **change}, READABLE, Options(), left, limit)
    assert decided.proceeds and why in decided.message
    result = decided.result("a")
    assert "usd" not in result and result.get("most_usd") == most


def test_what_a_branch_left_behind_has_the_quote_of_its_run() -> None:
    item = {**ITEM, "state": "quarantined", "reason": "nothing_made", "usd_quote": 0.02}
    decided = replay.decide(item, READABLE, Options(), 1.0, 2.5)
    assert decided.usd == 0.02 and decided.most_usd is None and "for at most $0.0200" in decided.message


def test_a_replay_from_an_archive_costs_both() -> None:
    item = {**ITEM, "state": "deferred", "usd_quote": 0.5}
    alone = replay.decide(item, READABLE, Options(), None).usd
    decided = replay.decide(item, DEEP, Options(), None)
    assert decided.usd == pytest.approx((alone or 0) + (restore.decide(item, DEEP, Options()).usd or 0))
    assert decided.ready_in_s == 48 * 3600


def test_a_hold_and_its_release_are_each_done_once() -> None:
    held = {**ITEM, "hold": {"since": "2026-11-20T10:00:00Z", "reason": "accident"}}
    assert hold.decide(ITEM).proceeds and not hold.decide(held).proceeds
    assert hold.decide_release(held).proceeds and not hold.decide_release(ITEM).proceeds
    assert hold.decide(None).status == hold.decide_release(None).status == "refused"
