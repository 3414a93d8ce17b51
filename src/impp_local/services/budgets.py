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


@dataclass
class Budget:
    """A budget, its notifications with their subscribers, and its tags."""

    settings: dict[str, Any]
    notifications: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


class Budgets(Service):
    """Budgets by name, in the account."""

    name = "budgets"

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._lock = threading.RLock()

    def create_budget(self, request: Call) -> None:
        """Raises DuplicateRecordException."""
        asked = request.params
        name = asked["Budget"]["BudgetName"]
        with self._lock:
            if name in self._budgets:
                raise AwsError(
                    "DuplicateRecordException", f"Error creating budget: {name} - the budget already exists."
                )
            budget = Budget(_with_defaults(asked["Budget"]))
            budget.tags = {tag["Key"]: tag["Value"] for tag in asked.get("ResourceTags", [])}
            for entry in asked.get("NotificationsWithSubscribers", []):
                budget.notifications.append((_state(entry["Notification"]), list(entry["Subscribers"])))
            self._budgets[name] = budget

    def update_budget(self, request: Call) -> None:
        """Raises NotFoundException."""
        new = request.params["NewBudget"]
        self._of(new["BudgetName"]).settings = _with_defaults(new)

    def describe_budget(self, request: Call) -> Mapping[str, Any]:
        """Raises NotFoundException."""
        return {"Budget": _described(self._of(request.params["BudgetName"]))}

    def describe_budgets(self, request: Call) -> Mapping[str, Any]:  # noqa: ARG002
        """All budgets."""
        with self._lock:
            return {"Budgets": [_described(budget) for budget in self._budgets.values()]}

    def delete_budget(self, request: Call) -> None:
        """Raises NotFoundException."""
        self._of(request.params["BudgetName"])
        with self._lock:
            self._budgets.pop(request.params["BudgetName"], None)

    def create_notification(self, request: Call) -> None:
        """Raises DuplicateRecordException and NotFoundException."""
        asked = request.params
        budget = self._of(asked["BudgetName"])
        with self._lock:
            if _find(budget, asked["Notification"]) is not None:
                raise AwsError("DuplicateRecordException", "The notification already exists.")
            budget.notifications.append((_state(asked["Notification"]), list(asked["Subscribers"])))

    def delete_notification(self, request: Call) -> None:
        """Raises NotFoundException."""
        budget = self._of(request.params["BudgetName"])
        with self._lock:
            budget.notifications.remove(_found(budget, request.params["Notification"]))

    def update_notification(self, request: Call) -> None:
        """Raises NotFoundException."""
        budget = self._of(request.params["BudgetName"])
        with self._lock:
            old = _found(budget, request.params["OldNotification"])
            budget.notifications[budget.notifications.index(old)] = (_state(request.params["NewNotification"]), old[1])

    def describe_notifications_for_budget(self, request: Call) -> Mapping[str, Any]:
        """Raises NotFoundException."""
        return {"Notifications": [entry for entry, _ in self._of(request.params["BudgetName"]).notifications]}

    def describe_subscribers_for_notification(self, request: Call) -> Mapping[str, Any]:
        """Raises NotFoundException."""
        return {"Subscribers": list(self._subscribers(request))}

    def create_subscriber(self, request: Call) -> None:
        """Raises DuplicateRecordException and NotFoundException."""
        subscribers = self._subscribers(request)
        if request.params["Subscriber"] in subscribers:
            raise AwsError("DuplicateRecordException", "The subscriber already exists.")
        subscribers.append(request.params["Subscriber"])

    def delete_subscriber(self, request: Call) -> None:
        """Raises NotFoundException."""
        subscribers = self._subscribers(request)
        if request.params["Subscriber"] not in subscribers:
            raise AwsError("NotFoundException", "The subscriber doesn't exist.")
        subscribers.remove(request.params["Subscriber"])

    def list_tags_for_resource(self, request: Call) -> Mapping[str, Any]:
        """Tags of a budget by its ARN."""
        tags = self._of(request.params["ResourceARN"].partition(":budget/")[2]).tags
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tag_resource(self, request: Call) -> None:
        """Add tags to a budget."""
        budget = self._of(request.params["ResourceARN"].partition(":budget/")[2])
        budget.tags.update({tag["Key"]: tag["Value"] for tag in request.params["ResourceTags"]})

    def untag_resource(self, request: Call) -> None:
        """Take tags from a budget."""
        budget = self._of(request.params["ResourceARN"].partition(":budget/")[2])
        for key in request.params["ResourceTagKeys"]:
            budget.tags.pop(key, None)

    def _of(self, name: str) -> Budget:
        with self._lock:
            budget = self._budgets.get(name)
        if budget is None:
            raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return budget

    def _subscribers(self, request: Call) -> list[dict[str, Any]]:
        return _found(self._of(request.params["BudgetName"]), request.params["Notification"])[1]


def _with_defaults(asked: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(asked)
    now = datetime.now(UTC)
    period = dict(settings.get("TimePeriod") or {})
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    settings["TimePeriod"] = {"Start": period.get("Start") or month, "End": period.get("End") or FOREVER}
    if settings["BudgetType"] == "COST" and "Metrics" not in settings:
        settings["CostTypes"] = COST_TYPES | dict(settings.get("CostTypes") or {})
    settings["LastUpdatedTime"] = now
    return settings


def _described(budget: Budget) -> dict[str, Any]:
    spent = {"Amount": f"{billing.bill()['usd']:.6f}", "Unit": "USD"}
    return budget.settings | {"CalculatedSpend": {"ActualSpend": spent, "ForecastedSpend": spent}}


def _state(notification: Mapping[str, Any]) -> dict[str, Any]:
    """A notification without what AWS sets by itself; percentages are its default."""
    kept = {name: value for name, value in notification.items() if name != "NotificationState"}
    return {"ThresholdType": "PERCENTAGE", **kept, "NotificationState": "OK"}


def _find(budget: Budget, notification: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    wanted = _state(notification)
    return next((entry for entry in budget.notifications if entry[0] == wanted), None)


def _found(budget: Budget, notification: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    entry = _find(budget, notification)
    if entry is None:
        raise AwsError("NotFoundException", "The notification doesn't exist.")
    return entry


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is here
    """Called by the gateway at the first request for Budgets."""
    return Budgets()
