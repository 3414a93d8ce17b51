"""Alerts from SNS messages: the pipeline's own, those of CloudWatch alarms, Budgets and others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def alert_of(message: str, subject: str | None = None) -> dict[str, Any]:
    """Convert an SNS message to an alert: the pipeline's own, a CloudWatch alarm, or any other text."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and _is_alert(document):
        return document
    if isinstance(document, dict) and "AlarmName" in document:
        return _alarm(document)
    title = subject or "Message"
    return {"severity": "warning", "kind": "alarm", "title": title, "text": message, "links": [], "usd": None}


def _is_alert(document: Mapping[str, Any]) -> bool:
    """Whether a document has an alert's form, so that every channel can render it."""
    links, usd = document.get("links") or [], document.get("usd")
    return (
        all(isinstance(document.get(name), str) for name in ("severity", "kind", "title"))
        and isinstance(links, list)
        and all(isinstance(link, dict) for link in links)
        and (usd is None or isinstance(usd, int | float))
    )


def _alarm(document: Mapping[str, Any]) -> dict[str, Any]:
    state = document.get("NewStateValue", "ALARM")
    return {
        "severity": "info" if state == "OK" else "critical",
        "kind": "alarm",
        "title": f"{document['AlarmName']} is {state}",
        "text": "\n".join(str(document[k]) for k in ("AlarmDescription", "NewStateReason") if document.get(k)),
        "links": [],
        "usd": None,
    }
