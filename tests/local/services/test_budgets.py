"""Budgets of the local cloud."""

from __future__ import annotations

import pytest

from impp_local.cloud import LocalCloud


def test_a_budget_keeps_its_subscribers(cloud: LocalCloud) -> None:
    budgets = cloud.client("budgets")
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    subscriber = {"SubscriptionType": "SNS", "Address": "arn:aws:sns:us-east-1:123456789012:alerts"}
    account = {"AccountId": "123456789012"}
    budgets.create_budget(
        **account,
        Budget={
            "BudgetName": "monthly",
            "BudgetLimit": {"Amount": "50", "Unit": "USD"},
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
        },
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [subscriber]}],
    )
    named = {**account, "BudgetName": "monthly"}
    (kept,) = budgets.describe_notifications_for_budget(**named)["Notifications"]
    assert kept["ThresholdType"] == "PERCENTAGE"
    response = budgets.describe_subscribers_for_notification(**named, Notification=notification)
    assert response["Subscribers"] == [subscriber]
    assert budgets.describe_budget(**named)["Budget"]["BudgetLimit"]["Amount"] in ("50", "50.0")
    budgets.delete_budget(**named)
    with pytest.raises(budgets.exceptions.NotFoundException):
        budgets.describe_budget(**named)
