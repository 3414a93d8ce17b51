"""Which requests come from this machine's own programs and pages, and not from a stranger's page in its browser.

A page can point a host name of its own at 127.0.0.1 once it has loaded (DNS rebinding). To the browser the endpoint is
then that page's own origin, so it may read footage; but the Host header still has the page's name. A page can also send
a form to 127.0.0.1 without reading the answer; the Origin header then has the page's name
(https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Origin).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from impp_local.kernel.contract import Call
from impp_local.kernel.defaults import HOST

NAMES: Final = frozenset({HOST, "localhost", "::1"})
DOMAINS: Final = (".localhost", ".amazonaws.com", ".cloudfront.net")
"""Names of buckets and distributions. A stranger may own a name below the last two, but not point it at this machine:
AWS answers for them."""

HasHost = Callable[[str], bool]
"""Whether a service answers to a host name, such as an alias of a distribution."""


def refusal(call: Call, has_host: HasHost) -> str | None:
    """Why the request is refused; None when it is not."""
    host = call.headers.get("host", "")
    if not _is_ours(f"//{host}", has_host):
        return f"The local cloud does not answer to the host name [{host}]; use localhost or {HOST}"
    origin = call.headers.get("origin")
    changes = call.method not in ("GET", "HEAD", "OPTIONS")
    if origin is not None and changes and call.access_key is None and not _is_ours(origin, has_host):
        return f"A page of [{origin}] may not change the local cloud"
    return None


def _is_ours(url: str, has_host: HasHost) -> bool:
    try:
        name = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return name in NAMES or name.endswith(DOMAINS) or (name != "" and has_host(name))
