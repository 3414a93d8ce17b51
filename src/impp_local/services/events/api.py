"""EventBridge's API where moto 5.2.5 falls short, and the pages of schedules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.events.exceptions import InvalidEventPatternException
from moto.events.models import EventPatternParser, EventsBackend, Rule

from impp_local.kernel import billing
from impp_local.kernel.contract import Call, Cloud, Response, Service
from impp_local.kernel.events import publish, timestamp
from impp_local.services.events import bus, schedules, validity

BILLED_CHUNK: Final = 64 * 1024
"""Bytes that are billed as one event (https://aws.amazon.com/eventbridge/pricing/)."""

_SCHEDULE_RUN: Final = re.compile(r"/_impp/schedules/([^/]+)/run")


class EventBridge(Service):
    """Delivers what moto's rules match. The API is moto's, except PutEvents."""

    name = "events"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def start(self) -> None:
        """Take over delivery from moto."""
        bus.start(self._cloud.store)
        _replace_in_moto()

    def resume(self) -> None:
        """Continue the deliveries that had not ended."""
        bus.dispatcher().resume()

    def suspend(self) -> None:
        """Leave the deliveries that have not ended."""
        bus.dispatcher().suspend()

    def close(self) -> None:
        """End the threads that deliver."""
        bus.dispatcher().close()

    def page(self, call: Call) -> Response | None:
        """`GET /_impp/schedules` lists schedules, `POST /_impp/schedules/<name>/run` runs one now."""
        method, path = call.method, call.path
        if (method, path) == ("GET", "/_impp/schedules"):
            return Response.of_json({"schedules": schedules.describe_all()})
        match = _SCHEDULE_RUN.fullmatch(path) if method == "POST" else None
        if match is None:
            return None
        try:
            return Response.of_json({"arn": schedules.run(match[1])})
        except KeyError as error:
            return Response.of_json({"message": f"Not found: {error.args[0]}"}, 404)

    def pages(self) -> Mapping[str, str]:
        """The schedules."""
        return {
            "GET /_impp/schedules": "the schedules; none fires by the clock here",
            "POST /_impp/schedules/<name>/run": "run a schedule now",
        }

    def work(self) -> Mapping[str, int]:
        """Deliveries that run or wait for their next attempt."""
        return {"events": bus.in_flight()}


def _replace_in_moto() -> None:
    """Replace what moto 5.2.5 does wrong. Idempotent."""
    # PutEvents accepts sources of AWS and details that are not objects, fails as a whole when a bus does not exist, and
    # delivers before it answers. Can go together with the line below, and when moto checks each entry as AWS does.
    EventsBackend.put_events = _put_events  # type: ignore[method-assign,assignment]
    # A rule reaches queues, log groups and buses only, without retries and dead letters, and matches patterns wrongly
    # (see `patterns`). Can go when it reaches state machines, functions and topics, and retries as AWS does.
    Rule.send_to_targets = _deliver_nothing  # type: ignore[method-assign]
    # PutRule accepts patterns that EventBridge refuses. Can go when moto checks operators and their arguments.
    EventPatternParser._validate_event_pattern = _check_pattern  # type: ignore[method-assign,assignment]


def _check_pattern(parser: EventPatternParser, pattern: Any) -> None:
    if parser.pattern and (reason := validity.fault(pattern)):
        raise InvalidEventPatternException(reason)


def _deliver_nothing(*_args: Any, **_kwargs: Any) -> None:
    """`bus` delivers."""


def _put_events(backend: EventsBackend, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PutEvents: an answer per entry; a bad entry does not affect the others.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """
    return [_put_event(backend, entry) for entry in entries]


def _put_event(backend: EventsBackend, entry: Mapping[str, Any]) -> dict[str, Any]:
    for field in ("Source", "DetailType", "Detail"):
        if not entry.get(field):
            reason = f"Parameter {field} is not valid. Reason: {field} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    if str(entry["Source"]).startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    bus = backend._normalize_event_bus_arn(entry.get("EventBusName")) or "default"
    bus = bus.split("event-bus/")[-1]
    if bus not in backend.event_buses:
        return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Event bus {bus} does not exist."}
    billing.meter("events", "custom_event", -(-len(entry["Detail"].encode()) // BILLED_CHUNK))
    moment = entry.get("Time")
    return {
        "EventId": publish(
            {
                "detail-type": entry["DetailType"],
                "source": entry["Source"],
                "account": backend.account_id,
                "region": backend.region_name,
                "time": timestamp(datetime.fromtimestamp(float(moment), UTC)) if moment else timestamp(),
                "resources": entry.get("Resources", []),
                "detail": detail,
            },
            bus=bus,
        )
    }
