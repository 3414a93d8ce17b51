"""AWS Budgets, with subscribers, changes and tags, which moto's lack; what was spent is the local bill.

Nothing is sent when a threshold is passed. Can go when moto has DescribeSubscribersForNotification and UpdateBudget.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from impp_local.kernel import billing
from impp_local.kernel.contract import AwsError, Call, Cloud, Service

COST_TYPES: Final = {
    "IncludeCredit": True,
    "IncludeDiscount": True,
    "IncludeOtherSubscription": True,
    "IncludeRecurring": True,
    "IncludeRefund": True,
    "IncludeSubscription": True,
    "IncludeSupport": True,
    "IncludeTax": True,
    "IncludeUpfront": True,
    "UseAmortized": False,
    "UseBlended": False,
}
FOREVER: Final = datetime(2087, 6, 15, tzinfo=UTC)
"""The end that AWS gives a budget without one."""

Subscribed = tuple[dict[str, Any], list[dict[str, Any]]]
"""A notification and its subscribers."""


@dataclass
class Budget:
    """A budget, its notifications with their subscribers, and its tags."""

    settings: dict[str, Any]
    notifications: list[Subscribed] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


class Budgets(Service):
    """Budgets by name, in the account."""

    name = "budgets"
    kept = ("_budgets",)

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._lock = threading.RLock()

    def create_budget(self, call: Call) -> None:
        """Raises DuplicateRecordException."""
        params = call.params
        name = params["Budget"]["BudgetName"]
        with self._lock:
            if name in self._budgets:
                raise AwsError(
                    "DuplicateRecordException", f"Error creating budget: {name} - the budget already exists."
                )
            budget = Budget(_with_defaults(params["Budget"]))
            budget.tags = {tag["Key"]: tag["Value"] for tag in params.get("ResourceTags", [])}
            for entry in params.get("NotificationsWithSubscribers", []):
                budget.notifications.append((_with_state(entry["Notification"]), list(entry["Subscribers"])))
            self._budgets[name] = budget

    def update_budget(self, call: Call) -> None:
        """Raises NotFoundException."""
        new = call.params["NewBudget"]
        self._budget(new["BudgetName"]).settings = _with_defaults(new)

    def describe_budget(self, call: Call) -> Mapping[str, Any]:
        """Raises NotFoundException."""
        return {"Budget": _description(self._budget(call.params["BudgetName"]))}

    def describe_budgets(self, call: Call) -> Mapping[str, Any]:  # noqa: ARG002
        """All budgets."""
        with self._lock:
            return {"Budgets": [_description(budget) for budget in self._budgets.values()]}

    def delete_budget(self, call: Call) -> None:
        """Raises NotFoundException."""
        self._budget(call.params["BudgetName"])
        with self._lock:
            self._budgets.pop(call.params["BudgetName"], None)

    def create_notification(self, call: Call) -> None:
        """Raises DuplicateRecordException and NotFoundException."""
        params = call.params
        budget = self._budget(params["BudgetName"])
        with self._lock:
            if _find_notification(budget, params["Notification"]) is not None:
                raise AwsError("DuplicateRecordException", "The notification already exists.")
            budget.notifications.append((_with_state(params["Notification"]), list(params["Subscribers"])))

    def delete_notification(self, call: Call) -> None:
        """Raises NotFoundException."""
        budget = self._budget(call.params["BudgetName"])
        with self._lock:
            budget.notifications.remove(_get_notification(budget, call.params["Notification"]))

    def update_notification(self, call: Call) -> None:
        """Raises NotFoundException."""
        budget = self._budget(call.params["BudgetName"])
        with self._lock:
            old = _get_notification(budget, call.params["OldNotification"])
            budget.notifications[budget.notifications.index(old)] = (
                _with_state(call.params["NewNotification"]),
                old[1],
            )

    def describe_notifications_for_budget(self, call: Call) -> Mapping[str, Any]:
        """Raises NotFoundException."""
        return {"Notifications": [entry for entry, _ in self._budget(call.params["BudgetName"]).notifications]}

    def describe_subscribers_for_notification(self, call: Call) -> Mapping[str, Any]:
        """Raises NotFoundException."""
        return {"Subscribers": list(self._subscribers(call))}

    def create_subscriber(self, call: Call) -> None:
        """Raises DuplicateRecordException and NotFoundException."""
        subscribers = self._subscribers(call)
        if call.params["Subscriber"] in subscribers:
            raise AwsError("DuplicateRecordException", "The subscriber already exists.")
        subscribers.append(call.params["Subscriber"])

    def delete_subscriber(self, call: Call) -> None:
        """Raises NotFoundException."""
        subscribers = self._subscribers(call)
        if call.params["Subscriber"] not in subscribers:
            raise AwsError("NotFoundException", "The subscriber doesn't exist.")
        subscribers.remove(call.params["Subscriber"])

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any]:
        """Tags of a budget by its ARN."""
        tags = self._budget(call.params["ResourceARN"].partition(":budget/")[2]).tags
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tag_resource(self, call: Call) -> None:
        """Add tags to a budget."""
        budget = self._budget(call.params["ResourceARN"].partition(":budget/")[2])
        budget.tags.update({tag["Key"]: tag["Value"] for tag in call.params["ResourceTags"]})

    def untag_resource(self, call: Call) -> None:
        """Take tags from a budget."""
        budget = self._budget(call.params["ResourceARN"].partition(":budget/")[2])
        for key in call.params["ResourceTagKeys"]:
            budget.tags.pop(key, None)

    def _budget(self, name: str) -> Budget:
        with self._lock:
            budget = self._budgets.get(name)
        if budget is None:
            raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return budget

    def _subscribers(self, call: Call) -> list[dict[str, Any]]:
        return _get_notification(self._budget(call.params["BudgetName"]), call.params["Notification"])[1]


def _with_defaults(params: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(params)
    now = datetime.now(UTC)
    period = dict(settings.get("TimePeriod") or {})
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    settings["TimePeriod"] = {"Start": period.get("Start") or month, "End": period.get("End") or FOREVER}
    if settings["BudgetType"] == "COST" and "Metrics" not in settings:
        settings["CostTypes"] = COST_TYPES | dict(settings.get("CostTypes") or {})
    settings["LastUpdatedTime"] = now
    return settings


def _description(budget: Budget) -> dict[str, Any]:
    spent = {"Amount": f"{billing.bill()['usd']:.6f}", "Unit": "USD"}
    return budget.settings | {"CalculatedSpend": {"ActualSpend": spent, "ForecastedSpend": spent}}


def _with_state(notification: Mapping[str, Any]) -> dict[str, Any]:
    """A notification without what AWS sets by itself; percentages are its default."""
    settings = {name: value for name, value in notification.items() if name != "NotificationState"}
    return {"ThresholdType": "PERCENTAGE", **settings, "NotificationState": "OK"}


def _find_notification(
    budget: Budget, notification: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    notification_with_state = _with_state(notification)
    return next((entry for entry in budget.notifications if entry[0] == notification_with_state), None)


def _get_notification(budget: Budget, notification: Mapping[str, Any]) -> Subscribed:
    entry = _find_notification(budget, notification)
    if entry is None:
        raise AwsError("NotFoundException", "The notification doesn't exist.")
    return entry


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is here
    """Called by the gateway at the first request for Budgets."""
    return Budgets()
