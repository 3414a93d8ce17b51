"""Until when a presigned URL is valid.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from impp_local.kernel.contract import AwsError, Call


def check(call: Call, now: datetime | None = None) -> None:
    """Raise AwsError AccessDenied for a URL whose time is over. A request signed in its header has none."""
    until = _until(call)
    now = now or datetime.now(UTC)
    if until is not None and until < now:
        times = {name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in (("Expires", until), ("ServerTime", now))}
        raise AwsError("AccessDenied", "Request has expired", 403, **times)


def _until(call: Call) -> datetime | None:
    query = call.query
    try:
        if "X-Amz-Expires" in query:  # SigV4
            signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return signed + timedelta(seconds=int(query["X-Amz-Expires"]))
        if "AWSAccessKeyId" in query:  # SigV2
            return datetime.fromtimestamp(int(query["Expires"]), UTC)
    except (KeyError, ValueError, OverflowError):
        raise AwsError("AuthorizationQueryParametersError", "Invalid date or expiry in the URL", 400) from None
    return None
