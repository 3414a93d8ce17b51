"""What runs between the calls: events, functions, executions, and the bill; one object for the cloud to hold.

    runtime = Runtime(cloud)     # before the first request; cloud.endpoint must be known
    runtime.page("GET", "/_impp/bill")   # → the JSON of /_impp/{bill,idle,metrics,schedules}
    runtime.close()

Services use the modules: ``events.publish(event)``, ``billing.meter(service, item, quantity, asset=…)``.
"""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from typing import Any, Final

from impp_local import standing
from impp_local.kernel import billing
from impp_local.kernel.contract import Cloud
from impp_local.services.events import bus
from impp_local.services.lambda_ import api as functions
from impp_local.services.lambda_.sandbox import resident
from impp_local.services.sns import deliveries
from impp_local.services.stepfunctions import interpreter

_SCHEDULE_RUN: Final = re.compile(r"/_impp/schedules/([^/]+)/run")


class Runtime:
    """Starts everything that moto does not do by itself; `close` ends all threads and worker processes."""

    def __init__(self, cloud: Cloud) -> None:
        billing.METER.reset()
        billing.METER.watch(standing.storage)
        billing.METER.watch(standing.fixtures)
        bus.start()
        deliveries.install()
        functions.start(cloud)
        interpreter.install(cloud)

    def close(self) -> None:
        """Stop deliveries, abort executions, end the workers."""
        bus.stop()
        interpreter.stop()
        functions.stop()

    def work(self) -> dict[str, int]:
        """How much is under way: ``{executions, events, invocations}``."""
        return {"executions": interpreter.running(), "events": bus.in_flight(), "invocations": functions.in_flight()}

    def idle(self) -> dict[str, Any]:
        """``{"idle": bool, executions, events, invocations}``: idle when no execution runs and nothing is in flight."""
        work = self.work()
        return {"idle": not any(work.values()), **work}

    def metrics(self) -> dict[str, Any]:
        """``{rss_bytes, peak_rss_bytes, workers, workers_rss_bytes, cold_starts, work}``."""
        return {
            "rss_bytes": resident("self"),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            **functions.metrics(),
            "work": self.work(),
        }

    def page(self, method: str, path: str) -> Any:
        """The answer of a page of `/_impp/`, as JSON-able data; None for a page that is not known here.

        Raises KeyError when a schedule is to be run that does not exist.
        """
        pages: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/_impp/bill"): billing.bill,
            ("GET", "/_impp/idle"): self.idle,
            ("GET", "/_impp/metrics"): self.metrics,
            ("GET", "/_impp/schedules"): lambda: {"schedules": bus.schedules()},
        }
        if (method, path) == ("POST", "/_impp/bill/reset"):  # what was deployed is not what is measured
            billing.METER.reset()
            return billing.bill()
        if method == "POST" and (run := _SCHEDULE_RUN.fullmatch(path)):
            return {"arn": bus.run_schedule(run[1])}
        page = pages.get((method, path))
        return page() if page else None
