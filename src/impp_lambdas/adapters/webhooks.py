"""Posts to webhooks. Their URLs are secrets, so they appear in no log line and in no exception.

If a channel is busy (429) or broken (5xx, no connection), the request is repeated after the wait that the channel asks
for, within the function's timeout.
"""

from __future__ import annotations

import ipaddress
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

TIMEOUT_S = (3.05, 10.0)
"""For connecting, and between two bytes of the response."""
ATTEMPTS = 4
BACKOFF_S = 0.5
"""First wait if the channel asks for none; doubled each time, with jitter."""
MAX_WAIT_S = 20.0


class DeliveryError(Exception):
    """A message was not delivered. The text names the webhook by channel and number, never by URL."""


@dataclass(frozen=True)
class Webhook:
    """A webhook of a channel: `number` counts from 1 within the channel, `url` is secret and not part of `repr`."""

    channel: str
    number: int
    url: str

    def __repr__(self) -> str:
        return f"{self.channel} webhook {self.number}"


def parse_secret(secret: Mapping[str, Any], channels: Collection[str]) -> list[Webhook]:
    """Read the webhooks from a secret that maps names of channels to one URL or a list of URLs.

    Raises :class:`DeliveryError` for an unknown channel or a URL that is neither https nor on this machine.
    """
    if unknown := sorted(set(secret) - set(channels)):
        known = ", ".join(sorted(channels))
        raise DeliveryError(f"the webhook secret has unknown channels: {', '.join(unknown)}; allowed are {known}")
    hooks = []
    for channel, value in sorted(secret.items()):
        urls = [value] if isinstance(value, str) else list(value or [])
        for number, url in enumerate((u for u in urls if u), 1):
            hook = Webhook(channel, number, str(url))
            if not _is_safe(hook.url):
                raise DeliveryError(f"{hook!r} is not an https address")
            hooks.append(hook)
    return hooks


def post(hook: Webhook, body: Mapping[str, Any], seconds_left: Callable[[], float]) -> None:
    """Deliver one message within `seconds_left()`. Raises :class:`DeliveryError`."""
    problem = "no time left"
    for attempt in range(ATTEMPTS):
        if seconds_left() <= 0:
            break
        try:
            # With `stream` the body of the response is not read: nothing in it is of use, and it may have no end.
            response = requests.post(hook.url, json=body, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
            response.close()
        except requests.RequestException as error:
            problem, wait = type(error).__name__, None
        else:
            if response.ok and not response.is_redirect:
                return
            problem, wait = f"HTTP {response.status_code}", _retry_after(response)
            if response.status_code != 429 and response.status_code < 500:
                break
        pause = wait if wait is not None else BACKOFF_S * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311
        if attempt == ATTEMPTS - 1 or pause > min(seconds_left(), MAX_WAIT_S):
            break
        time.sleep(pause)
    raise DeliveryError(f"{hook!r}: {problem}") from None


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of the header Retry-After, which both Slack and Discord send."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
