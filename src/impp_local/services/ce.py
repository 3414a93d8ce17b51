"""Cost Explorer: anomaly monitors and their subscriptions, and the costs of the local bill.

Cost categories stay moto's. GetCostAndUsage answers from the bill of this cloud, all of it on the present day: the
cloud lives no longer than its process. Can go when moto has CreateAnomalyMonitor (costs would still come from here).
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from impp_local.kernel import billing
from impp_local.kernel.contract import AwsError, Call, Cloud, Response, Service
from impp_local.kernel.defaults import ACCOUNT

SERVICE_NAMES: Final = {
    "s3": "Amazon Simple Storage Service",
    "lambda": "AWS Lambda",
    "states": "AWS Step Functions",
    "rekognition": "Amazon Rekognition",
    "transcribe": "Amazon Transcribe",
    "mediaconvert": "AWS Elemental MediaConvert",
    "dynamodb": "Amazon DynamoDB",
    "cloudfront": "Amazon CloudFront",
    "sqs": "Amazon Simple Queue Service",
    "sns": "Amazon Simple Notification Service",
    "kms": "AWS Key Management Service",
    "events": "CloudWatch Events",
    "cloudwatch": "AmazonCloudWatch",
    "secretsmanager": "AWS Secrets Manager",
    "ce": "AWS Cost Explorer",
    "macie": "Amazon Macie",
}
"""Cost Explorer's names of the price book's services (dimension SERVICE)."""


class CostExplorer(Service):
    """Monitors, subscriptions, and the bill as Cost Explorer shows it."""

    name = "ce"
    kept = ("_monitors", "_subscriptions", "_tags")

    def __init__(self) -> None:
        self._monitors: dict[str, dict[str, Any]] = {}
        self._subscriptions: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._lock = threading.RLock()

    def create_anomaly_monitor(self, call: Call) -> Mapping[str, Any]:
        """Create a monitor; returns its ARN. Raises ValidationException for a second one of the same dimension."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = call.params["AnomalyMonitor"]
        dimension = wanted.get("MonitorDimension")
        with self._lock:
            if dimension and any(one.get("MonitorDimension") == dimension for one in self._monitors.values()):
                # AWS's message, as recorded in aws-cloudformation/cloudformation-coverage-roadmap#2515.
                raise AwsError("ValidationException", "Limit exceeded on dimensional spend monitor creation")
            arn = self._arn("anomalymonitor", call)
            monitor = {**wanted, "MonitorArn": arn, "CreationDate": now, "LastUpdatedDate": now}
            self._monitors[arn] = monitor
        return {"MonitorArn": arn}

    def get_anomaly_monitors(self, call: Call) -> Mapping[str, Any]:
        """Monitors by ARN, or all. Raises UnknownMonitorException."""
        return {"AnomalyMonitors": self._find(self._monitors, call.params.get("MonitorArnList"), "Monitor")}

    def update_anomaly_monitor(self, call: Call) -> Mapping[str, Any]:
        """Rename a monitor. Raises UnknownMonitorException."""
        arn = call.params["MonitorArn"]
        self._find(self._monitors, [arn], "Monitor")[0]["MonitorName"] = call.params.get("MonitorName")
        return {"MonitorArn": arn}

    def delete_anomaly_monitor(self, call: Call) -> None:
        """Raises UnknownMonitorException."""
        self._delete(self._monitors, call.params["MonitorArn"], "Monitor")

    def create_anomaly_subscription(self, call: Call) -> Mapping[str, Any]:
        """Create a subscription. Raises UnknownMonitorException for a monitor that is not there."""
        subscription = call.params["AnomalySubscription"]
        self._find(self._monitors, subscription["MonitorArnList"], "Monitor")
        arn = self._arn("anomalysubscription", call)
        subscribers = [{"Status": "CONFIRMED", **subscriber} for subscriber in subscription["Subscribers"]]
        with self._lock:
            self._subscriptions[arn] = {
                **subscription,
                "SubscriptionArn": arn,
                "AccountId": ACCOUNT,
                "Subscribers": subscribers,
            }
        return {"SubscriptionArn": arn}

    def get_anomaly_subscriptions(self, call: Call) -> Mapping[str, Any]:
        """Subscriptions by ARN or monitor, or all. Raises UnknownSubscriptionException."""
        subscriptions = self._find(self._subscriptions, call.params.get("SubscriptionArnList"), "Subscription")
        monitor = call.params.get("MonitorArn")
        return {
            "AnomalySubscriptions": [one for one in subscriptions if not monitor or monitor in one["MonitorArnList"]]
        }

    def update_anomaly_subscription(self, call: Call) -> Mapping[str, Any]:
        """Change the given members. Raises UnknownSubscriptionException."""
        arn = call.params["SubscriptionArn"]
        self._find(self._subscriptions, [arn], "Subscription")[0].update(call.params)
        return {"SubscriptionArn": arn}

    def delete_anomaly_subscription(self, call: Call) -> None:
        """Raises UnknownSubscriptionException."""
        self._delete(self._subscriptions, call.params["SubscriptionArn"], "Subscription")

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any] | Response:
        """Tags of a monitor or subscription; other resources are moto's."""
        tags = self._tags.get(call.params["ResourceArn"])
        if tags is None:
            return call.forward()
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tag_resource(self, call: Call) -> Response | None:
        """Add tags."""
        tags = self._tags.get(call.params["ResourceArn"])
        if tags is None:
            return call.forward()
        tags.update({tag["Key"]: tag["Value"] for tag in call.params["ResourceTags"]})
        return None

    def untag_resource(self, call: Call) -> Response | None:
        """Remove tags."""
        tags = self._tags.get(call.params["ResourceArn"])
        if tags is None:
            return call.forward()
        for key in call.params["ResourceTagKeys"]:
            tags.pop(key, None)
        return None

    def get_cost_and_usage(self, call: Call) -> Mapping[str, Any]:
        """The local bill by day or month, grouped by SERVICE if so asked, filtered by SERVICE if so asked.

        Raises ValidationException for a period that ends before it begins, and for hours, other dimensions and
        tags, which the bill does not know.
        """
        params = call.params
        start, end = (date.fromisoformat(params["TimePeriod"][name][:10]) for name in ("Start", "End"))
        if start >= end:
            raise AwsError("ValidationException", "Start date (and hour) should be before end date (and hour)")
        matches = _filter(params.get("Filter"))
        groups = params.get("GroupBy") or []
        if any(group.get("Key") != "SERVICE" for group in groups):
            raise AwsError("ValidationException", "The local cloud groups costs by SERVICE only")
        spent = {name: usd for name, usd in _spent_by_service().items() if matches(name)}
        metrics = list(params["Metrics"])
        periods = [_period(first, last, spent, metrics, bool(groups)) for first, last in _steps(start, end, params)]
        return {"ResultsByTime": periods, "GroupDefinitions": groups, "DimensionValueAttributes": []}

    def _arn(self, kind: str, call: Call) -> str:
        arn = f"arn:aws:ce::{ACCOUNT}:{kind}/{uuid.uuid4()}"
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in call.params.get("ResourceTags", [])}
        return arn

    def _find(self, resources: dict[str, dict[str, Any]], arns: list[str] | None, kind: str) -> list[dict[str, Any]]:
        with self._lock:
            missing = [arn for arn in arns or [] if arn not in resources]
            if missing:
                raise AwsError(f"Unknown{kind}Exception", f"No anomaly {kind.lower()} {missing[0]}")
            return [resources[arn] for arn in arns] if arns else list(resources.values())

    def _delete(self, resources: dict[str, dict[str, Any]], arn: str, kind: str) -> None:
        with self._lock:
            if resources.pop(arn, None) is None:
                raise AwsError(f"Unknown{kind}Exception", f"No anomaly {kind.lower()} {arn}")
            self._tags.pop(arn, None)


def _spent_by_service() -> dict[str, float]:
    spent: defaultdict[str, float] = defaultdict(float)
    for line in billing.bill()["lines"]:
        spent[SERVICE_NAMES.get(line["service"], line["service"])] += line["usd"]
    return dict(spent)


def _steps(start: date, end: date, params: Mapping[str, Any]) -> Iterator[tuple[date, date]]:
    granularity = params["Granularity"]
    if granularity not in ("DAILY", "MONTHLY"):
        raise AwsError("ValidationException", f"The local cloud keeps no costs by {granularity}")
    while start < end:
        following = start + timedelta(days=1)
        if granularity == "MONTHLY":
            following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield start, min(following, end)
        start = following


def _period(first: date, last: date, spent: Mapping[str, float], metrics: list[str], grouped: bool) -> dict[str, Any]:
    now = spent if first <= datetime.now(UTC).date() < last else {}
    answer: dict[str, Any] = {
        "TimePeriod": {"Start": first.isoformat(), "End": last.isoformat()},
        "Estimated": True,
        "Total": {},
        "Groups": [],
    }
    if grouped:
        answer["Groups"] = [{"Keys": [name], "Metrics": _amounts(usd, metrics)} for name, usd in sorted(now.items())]
    else:
        answer["Total"] = _amounts(sum(now.values()), metrics)
    return answer


def _amounts(usd: float, metrics: list[str]) -> dict[str, Any]:
    return {name: {"Amount": f"{usd:.10f}", "Unit": "N/A" if "Usage" in name else "USD"} for name in metrics}


def _filter(expression: Mapping[str, Any] | None) -> Callable[[str], bool]:
    """Whether an Expression matches a service; other dimensions are unknown here, so they are refused."""
    if not expression:
        return lambda _name: True
    if "And" in expression:
        all_of = [_filter(part) for part in expression["And"]]
        return lambda name: all(part(name) for part in all_of)
    if "Or" in expression:
        any_of = [_filter(part) for part in expression["Or"]]
        return lambda name: any(part(name) for part in any_of)
    if "Not" in expression:
        inner = _filter(expression["Not"])
        return lambda name: not inner(name)
    dimensions = expression.get("Dimensions") or {}
    if dimensions.get("Key") == "SERVICE":
        return lambda name: name in dimensions["Values"]
    if dimensions.get("Key") == "RECORD_TYPE" or "Tags" in expression:
        # All that the local cloud bills is usage, and all of it belongs to the one deployment it holds.
        return lambda _name: "Usage" in dimensions.get("Values", ["Usage"])
    raise AwsError("ValidationException", f"The local cloud cannot filter costs by {dimensions.get('Key')}")


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is here
    """Called by the gateway at the first request for Cost Explorer."""
    return CostExplorer()
