"""Heartbeats to CloudWatch, for the alarm that fires when a box stops sending them (modules/observability).

Three metrics of the namespace ``IMPP/Edge`` with the dimension ``Device``: ``Heartbeat`` (1), ``Waiting`` (files
that are still to be uploaded) and ``OldestWaitingSeconds``. CloudWatch asks $0.30 a month for each beyond the first ten
of an account and $0.01 for a thousand requests, so there are three, and none unless ``heartbeat_s`` is set.
"""

from __future__ import annotations

import hashlib
import socket
import time
from typing import TYPE_CHECKING

from impp_edge.show.metrics import Meta, Result

if TYPE_CHECKING:
    from impp_edge.config import Config

NAMESPACE = "IMPP/Edge"
LAST_BEAT = "last_heartbeat"
"""Name in the state under which the time of the last heartbeat is kept, in seconds since 1970."""
TIMEOUT_S = 10.0


def beat(config: Config, state: Meta, result: Result, now: float | None = None) -> str | None:
    """Send a heartbeat if one is due. Returns why it could not be sent; None if it was sent or none is due."""
    now = time.time() if now is None else now
    last = float(state.get(LAST_BEAT) or 0)
    if not config.heartbeat_s or 0 <= now - last < config.heartbeat_s:
        return None
    from impp_edge.bucket import aws

    try:
        _send(config, _figures(result, now))
    except (aws.Offline, aws.Refused, OSError) as error:
        return f"no heartbeat to CloudWatch: {error}"
    state.set(LAST_BEAT, f"{now:.3f}")
    return None


def device(config: Config) -> str:
    """The name of a box: its device, or that of its first folder, or its host name."""
    from impp_footage.slug import slug

    named = [config.device, *(folder.device for folder in config.folders)]
    return slug(next((name for name in named if name), socket.gethostname()))


def _figures(result: Result, now: float) -> dict[str, tuple[float, str]]:
    """Values and units by metric."""
    oldest = max(0.0, now - result.oldest_waiting) if result.oldest_waiting is not None else 0.0
    return {
        "Heartbeat": (1, "Count"),
        "Waiting": (result.counts.get("waiting", 0) + result.counts.get("failed", 0), "Count"),
        "OldestWaitingSeconds": (oldest, "Seconds"),
    }


def _send(config: Config, figures: dict[str, tuple[float, str]]) -> None:
    """PutMetricData in AWS's query protocol."""
    import http.client
    import threading
    from urllib.parse import urlencode

    from impp_edge import __version__
    from impp_edge.bucket import aws
    from impp_edge.bucket.bandwidth import Bandwidth
    from impp_edge.bucket.transport import Content, Transport

    settings = aws.Settings(config.profile)
    region = config.region or settings.region or aws.DEFAULT_REGION
    suffix = ".cn" if region.startswith("cn-") else ""
    # The local cloud serves all of AWS at the address that is configured for its S3.
    url = (
        config.endpoint_url
        or settings.endpoint_url("cloudwatch")
        or f"https://monitoring.{region}.amazonaws.com{suffix}"
    )
    place = aws.endpoint("", region, url)
    body = urlencode(_parameters(device(config), figures)).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "user-agent": f"impp-edge/{__version__}",
    }
    digest = hashlib.sha256(body).hexdigest()
    signed = aws.Signer(settings).sign("POST", (place.netloc, place.base, ""), headers, digest, region, "monitoring")
    transport = Transport(
        str(config.ca_bundle) if config.ca_bundle else settings.ca_bundle, Bandwidth(None), threading.Event()
    )
    try:
        answer = transport.exchange(place, "POST", place.base, signed, Content(body), TIMEOUT_S)
    except http.client.HTTPException as error:
        raise aws.Offline(f"{type(error).__name__}: {error}") from error
    finally:
        transport.close()
    if answer.status != 200:
        raise aws.Refused(f"it returned {answer.status}: {_code(answer.body)}")


def _parameters(name: str, figures: dict[str, tuple[float, str]]) -> dict[str, str]:
    values = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": NAMESPACE}
    for number, (metric, (value, unit)) in enumerate(figures.items(), 1):
        at = f"MetricData.member.{number}"
        values |= {f"{at}.MetricName": metric, f"{at}.Value": f"{value:.15g}", f"{at}.Unit": unit}
        values |= {f"{at}.Dimensions.member.1.Name": "Device", f"{at}.Dimensions.member.1.Value": name}
    return values


def _code(answer: bytes) -> str:
    """The error code in CloudWatch's response."""
    text = answer.decode("utf-8", "replace")
    return text.partition("<Code>")[2].partition("</Code>")[0] or "no reason given"
