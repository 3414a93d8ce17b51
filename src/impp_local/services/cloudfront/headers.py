"""Response headers policies: what CloudFront adds to responses, and takes from them."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any, Final


def apply_policy(config: Mapping[str, Any], headers: dict[str, str], origin: str | None) -> None:
    """Set the headers of a response headers policy; one without Override yields to the origin's."""
    security = config.get("SecurityHeadersConfig") or {}
    for member, name, value in _SECURITY_HEADERS:
        rule = security.get(member)
        if rule and (rule.get("Override") or name not in headers):
            headers[name] = value(rule)
    for rule in (config.get("CustomHeadersConfig") or {}).get("Items") or []:
        if rule.get("Override") or rule["Header"] not in headers:
            headers[rule["Header"]] = rule["Value"]
    for rule in (config.get("RemoveHeadersConfig") or {}).get("Items") or []:
        headers.pop(rule["Header"], None)
    cors = config.get("CorsConfig")
    if cors and origin:
        _apply_cors(cors, headers, origin)


def _apply_cors(cors: Mapping[str, Any], headers: dict[str, str], origin: str) -> None:
    allowed = cors["AccessControlAllowOrigins"]["Items"]
    if not any(fnmatch.fnmatchcase(origin, pattern) for pattern in allowed):
        return
    headers["Access-Control-Allow-Origin"] = "*" if allowed == ["*"] else origin
    headers["Vary"] = "Origin"
    if cors.get("AccessControlAllowCredentials"):
        headers["Access-Control-Allow-Credentials"] = "true"
    for member, name in (
        ("AccessControlAllowMethods", "Access-Control-Allow-Methods"),
        ("AccessControlAllowHeaders", "Access-Control-Allow-Headers"),
        ("AccessControlExposeHeaders", "Access-Control-Expose-Headers"),
    ):
        items = (cors.get(member) or {}).get("Items") or []
        if items:
            headers[name] = ", ".join(items)
    if cors.get("AccessControlMaxAgeSec") is not None:
        headers["Access-Control-Max-Age"] = str(cors["AccessControlMaxAgeSec"])


def _hsts(rule: Mapping[str, Any]) -> str:
    value = f"max-age={rule['AccessControlMaxAgeSec']}"
    value += "; includeSubDomains" if rule.get("IncludeSubdomains") else ""
    return value + ("; preload" if rule.get("Preload") else "")


def _xss(rule: Mapping[str, Any]) -> str:
    return ("1" if rule["Protection"] else "0") + ("; mode=block" if rule.get("ModeBlock") else "")


_SECURITY_HEADERS: Final[tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...]] = (
    ("ContentSecurityPolicy", "Content-Security-Policy", lambda rule: str(rule["ContentSecurityPolicy"])),
    ("ContentTypeOptions", "X-Content-Type-Options", lambda _rule: "nosniff"),
    ("FrameOptions", "X-Frame-Options", lambda rule: str(rule["FrameOption"])),
    ("ReferrerPolicy", "Referrer-Policy", lambda rule: str(rule["ReferrerPolicy"])),
    ("StrictTransportSecurity", "Strict-Transport-Security", _hsts),
    ("XSSProtection", "X-XSS-Protection", _xss),
)
