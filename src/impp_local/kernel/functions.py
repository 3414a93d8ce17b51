"""Lambda functions as other services call them.

Lambda registers its runtime here when the local cloud starts; Step Functions and event targets invoke through it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Report:
    """What an invocation returned and used. `error` is None, or "Unhandled" when `payload` is an error document."""

    request_id: str
    version: str
    payload: bytes
    error: str | None
    duration_ms: float
    billed_ms: int
    init_ms: float | None
    max_memory_mb: int
    log_tail: bytes = b""


class Wait:
    """How long an invocation has been queued for a worker.

    AWS starts a thousand environments at once and a laptop does not, so queueing counts towards nobody's timeout.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._total = 0.0

    @property
    def seconds(self) -> float:
        """The total so far, a wait that still lasts included."""
        since = self._since
        return self._total + (time.monotonic() - since if since is not None else 0.0)

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._total, self._since = self.seconds, None


class FunctionRuntime(Protocol):
    """Invokes functions by name or ARN."""

    def invoke(
        self,
        name: str,
        payload: bytes,
        *,
        qualifier: str | None = None,
        owner: str | None = None,
        wait: Wait | None = None,
    ) -> Report:
        """See :func:`invoke`."""

    def invoke_async(self, name: str, payload: bytes, *, qualifier: str | None = None, owner: str | None = None) -> str:
        """See :func:`invoke_async`."""

    def of_url(self, host: str) -> str | None:
        """See :func:`of_url`."""


_runtime: FunctionRuntime | None = None


def register(runtime: FunctionRuntime | None) -> None:
    """Make `runtime` the one that invokes functions; None when the local cloud stops."""
    global _runtime
    _runtime = runtime


def invoke(
    name: str, payload: bytes, *, qualifier: str | None = None, owner: str | None = None, wait: Wait | None = None
) -> Report:
    """Invoke a function and wait for it; `wait` measures meanwhile how long it is queued for a worker.

    `owner` is the execution that pays when the payload names no asset. Raises moto's LambdaClientError family, and
    RuntimeError when the local cloud is not up.
    """
    return _registered().invoke(name, payload, qualifier=qualifier, owner=owner, wait=wait)


def invoke_async(name: str, payload: bytes, *, qualifier: str | None = None, owner: str | None = None) -> str:
    """Queue an event for a function; returns the request id. Raises what :func:`invoke` raises."""
    return _registered().invoke_async(name, payload, qualifier=qualifier, owner=owner)


def of_url(host: str) -> str | None:
    """The ARN of the function whose URL has a host name; None without one."""
    return _registered().of_url(host)


def _registered() -> FunctionRuntime:
    if _runtime is None:
        raise RuntimeError("The local cloud is not up")
    return _runtime
