"""Limits the alerts about a device's files: so many per day, of which the last says that it is the last.

Beyond them alerts go to a topic of their own, to which nobody is subscribed unless they want every alert. Whose files
they are the key says, which IAM fences: a device cannot use up another's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from impp_lambdas.adapters import dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.results import alerts

if TYPE_CHECKING:
    from impp_lambdas.core.results.alerts import Alert

KEPT_DAYS = 2


def limited(table: str, alert: Alert, key: str, execution: str) -> tuple[Alert, bool]:
    """The alert about an original, and whether it is muted. Counts it.

    A function that runs twice counts twice, and says the same: which execution has sent the last alert stays.
    """
    if not alerts.is_bad(alert):
        return alert, False
    now, owner = datetime.now(UTC), keys.owner(key)
    pk = keys.catalog_alerts(owner, f"{now:%Y-%m-%d}")
    count = dynamo.count(table, pk, "alerts", int((now + timedelta(days=KEPT_DAYS)).timestamp()))
    if count < alerts.MOST_PER_DAY:
        return alert, False
    is_last = dynamo.claim(table, pk, "last_by", execution)
    return (alerts.last_of_day(alert, owner), False) if is_last else (alert, True)
