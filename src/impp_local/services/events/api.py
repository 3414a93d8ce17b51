"""EventBridge as a service of the local cloud: its delivery, and schedules that are run by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from impp_local.kernel.contract import Response, Service
from impp_local.services.events import bus

_SCHEDULE_RUN: Final = re.compile(r"/_impp/schedules/([^/]+)/run")


class EventBridge(Service):
    """Delivers what moto's rules match; the API is moto's, PutEvents aside (see `bus`)."""

    name = "events"

    def start(self) -> None:
        """Take over delivery from moto."""
        bus.start()

    def close(self) -> None:
        """Drop the deliveries that wait."""
        bus.stop()

    def page(self, environ: dict[str, Any]) -> Response | None:
        """`GET /_impp/schedules` lists schedules, `POST /_impp/schedules/<name>/run` runs one now."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("GET", "/_impp/schedules"):
            return Response.of_json({"schedules": bus.schedules()})
        match = _SCHEDULE_RUN.fullmatch(path) if method == "POST" else None
        if match is None:
            return None
        try:
            return Response.of_json({"arn": bus.run_schedule(match[1])})
        except KeyError as error:
            return Response.of_json({"message": f"Not found: {error.args[0]}"}, 404)

    def work(self) -> Mapping[str, int]:
        """Deliveries that are under way or wait for their next attempt."""
        return {"events": bus.in_flight()}
