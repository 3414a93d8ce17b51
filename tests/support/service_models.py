"""botocore's service models and what it derives from them, read once per process."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.client
import botocore.endpoint_provider
import botocore.hooks
import botocore.loaders
import botocore.regions
import botocore.session
import botocore.useragent

_inspected = botocore.hooks.accepts_kwargs
_aliased = botocore.hooks.EventAliaser._alias_event_name
_aliases: dict[str, str] = {}


def share() -> None:
    """Give all sessions one loader, and all clients of a service one model and one set of endpoint rules.

    botocore keeps each of them, but per session or per client: hundreds of tests, each with a new account, spent most
    of their time on parsing and inspecting the same things.
    """
    botocore.session.create_loader = cache(botocore.loaders.create_loader)
    botocore.hooks.accepts_kwargs = _accepts_kwargs
    botocore.hooks.EventAliaser._alias_event_name = _alias_event_name
    botocore.client.ServiceModel = _shared(botocore.client.ServiceModel)
    botocore.regions.EndpointProvider = _shared(botocore.endpoint_provider.EndpointProvider)
    # It checks each character of what each request says about this machine.
    botocore.useragent.sanitize_user_agent_string_component = cache(
        botocore.useragent.sanitize_user_agent_string_component
    )


def _accepts_kwargs(function: Callable[..., Any]) -> bool:
    """As botocore's, without a signature: a client and its session register more than a hundred functions."""
    code = getattr(function, "__code__", None)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) if code else bool(_inspected(function))


def _alias_event_name(aliaser: botocore.hooks.EventAliaser, event: str) -> str:
    """As botocore's, which each client derives again for a hundred events; all have botocore's own aliases."""
    if event not in _aliases:
        _aliases[event] = _aliased(aliaser, event)
    return _aliases[event]


def _shared(create: Callable[..., Any]) -> Callable[..., Any]:
    """`create`, called once for the same documents: the loader gives everybody the same ones. They are kept, so that
    no other gets their identity."""
    created: dict[tuple[Any, ...], tuple[Any, tuple[Any, ...], dict[str, Any]]] = {}

    def shared(*arguments: Any, **options: Any) -> Any:
        values = [*arguments, *(value for _, value in sorted(options.items()))]
        key = tuple(value if isinstance(value, str) else id(value) for value in values)
        if key not in created:
            created[key] = (create(*arguments, **options), arguments, options)
        return created[key][0]

    return shared
