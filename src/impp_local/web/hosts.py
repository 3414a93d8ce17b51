"""Which requests come from this machine's own programs and pages, and not from a stranger's page in its browser.

Signatures are no help: everybody knows the keys of the account's root, so a page signs in its URLs what it sends.

A page can point a host name of its own at 127.0.0.1 once it has loaded (DNS rebinding). To the browser the endpoint is
then that page's own origin, so it may read footage; but the Host header still has the page's name. A page can also send
a form to 127.0.0.1 without reading the answer; the Origin header then has the page's name
(https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Origin). A GET has no Origin where the page does not ask
to read the answer, such as for an image, but browsers say in Sec-Fetch-Site that another site asks, for 127.0.0.1 too
(https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header). Scripts can set neither header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from impp_local.kernel.contract import Call, Response
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
    is_foreign = origin is not None and not _is_ours(origin, has_host)
    if (is_foreign or call.headers.get("sec-fetch-site") == "cross-site") and not _is_harmless(call, is_foreign):
        return f"A page of [{origin or 'another site'}] may not use the local cloud"
    return None


def _is_harmless(call: Call, may_read: bool) -> bool:
    """Whether any page may send this request: it changes nothing, and the page cannot read an answer of the API.

    Pages and viewers of CloudFront decide by themselves who may read them. A file of S3 may be linked and embedded, as
    the demo's report does; with an Origin, a page asks to read it.
    """
    if call.method == "OPTIONS":
        return True
    return call.method in ("GET", "HEAD") and (call.access_key is None or (call.service == "s3" and not may_read))


def disarm(call: Call, response: Response) -> None:
    """Let no file that a browser opens by a signed URL run scripts: their origin would be that of every API. On AWS, S3
    has an origin of its own."""
    if call.service == "s3" and call.method == "GET" and "authorization" not in call.headers:
        response.headers |= {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}


def _is_ours(url: str, has_host: HasHost) -> bool:
    try:
        name = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return name in NAMES or name.endswith(DOMAINS) or (name != "" and has_host(name))
