"""A request for an action, from the command line or the page: checked before anything looks at it.

    {"action": "restore|render|replay|erase|hold|release", "assets": ["<id>", …],
     "options": {"tier": "bulk|standard|expedited", "days": 7, "renditions": ["web"], "reason": "…"},
     "dry_run": true, "request": "<uuid>"}

`dry_run` is a quote: nothing is changed. Anything else needs `request`, which makes a repeated request the same one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from impp_lambdas.core import keys
from impp_lambdas.core.money.retrieval import TIERS

ACTIONS = ("restore", "render", "replay", "erase", "hold", "release")
ON_THE_PAGE = ("restore", "render", "replay")
"""Actions that the page may ask for. The others destroy or freeze evidence and need IAM permissions of their own."""

MAX_ASSETS = 100
MAX_DAYS = 365
_RENDITION = re.compile(r"[a-z0-9-]{1,40}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_REASON = 200


class Invalid(Exception):
    """A request that nobody can fulfil; the message names the field, its value and what is allowed."""


@dataclass(frozen=True)
class Options:
    """Options of all actions. `tier` and `days` are of restores, `renditions` of render, `reason` of hold and erase."""

    tier: str = "bulk"
    days: int = 7
    renditions: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Request:
    """A valid request. `request` is empty for a quote."""

    action: str
    assets: tuple[str, ...]
    options: Options
    dry_run: bool
    request: str

    @property
    def digest(self) -> str:
        """The SHA-256 of all that is asked, so that an id cannot stand for two requests."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def parse(document: Any) -> Request:
    """Check a request from JSON. Raises :class:`Invalid`."""
    if not isinstance(document, Mapping):
        raise Invalid("the request is not a JSON object")
    if unknown := sorted(set(document) - {"action", "assets", "options", "dry_run", "request"}):
        raise Invalid(f"unknown field {_shown(unknown[0])}")
    action = document.get("action")
    if action not in ACTIONS:
        raise Invalid(f"action is {_shown(action)}; allowed: {', '.join(ACTIONS)}")
    dry_run = document.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise Invalid(f"dry_run is {_shown(dry_run)}; allowed: true, false")
    request = document.get("request") or ""
    if not dry_run and not (isinstance(request, str) and _UUID.fullmatch(request)):
        raise Invalid(f"request is {_shown(request)}; needed: a UUID in lower case, the same for a repeated request")
    options = _options(document.get("options") or {})
    if action == "render" and not options.renditions:
        raise Invalid("options.renditions is empty; needed: the names of renditions, such as web")
    return Request(action, _assets(document.get("assets")), options, dry_run, "" if dry_run else request)


def _assets(assets: Any) -> tuple[str, ...]:
    if not isinstance(assets, list) or not 1 <= len(assets) <= MAX_ASSETS:
        raise Invalid(f"assets must be a list of 1 to {MAX_ASSETS} ids")
    for asset in assets:
        if not isinstance(asset, str) or not keys.ASSET_ID.fullmatch(asset):
            raise Invalid(f"{_shown(asset)} is not the id of an asset: 20 hexadecimal digits")
    return tuple(dict.fromkeys(assets))


def _options(options: Any) -> Options:
    if not isinstance(options, Mapping):
        raise Invalid(f"options is {_shown(options)}; needed: a JSON object")
    if unknown := sorted(set(options) - set(Options.__dataclass_fields__)):
        raise Invalid(f"unknown option {_shown(unknown[0])}")
    tier, days = options.get("tier", Options.tier), options.get("days", Options.days)
    if tier not in TIERS:
        raise Invalid(f"options.tier is {_shown(tier)}; allowed: {', '.join(TIERS)}")
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
        raise Invalid(f"options.days is {_shown(days)}; allowed: 1 to {MAX_DAYS}")
    names, reason = options.get("renditions", []), options.get("reason", "")
    if not isinstance(names, list) or len(names) > 20:
        raise Invalid("options.renditions must be a list of at most 20 names")
    for name in names:
        if not isinstance(name, str) or not _RENDITION.fullmatch(name):
            raise Invalid(f"{_shown(name)} is not the name of a rendition")
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise Invalid(f"options.reason must be text of at most {MAX_REASON} characters")
    return Options(tier, days, tuple(dict.fromkeys(names)), reason)


def _shown(value: Any) -> str:
    return repr(value)[:60]
