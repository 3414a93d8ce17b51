"""An alert as each channel shows it. File names, transcripts and camera names are hostile text until escaped.

Slack: ``& < >`` are its control characters (``<!channel>``, ``<@U1>``, ``<http://…|…>``). Discord: Markdown is escaped
and every mention switched off. Lengths are cut to the channels' documented limits, in characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

COLOURS = {"info": 0x2E8B57, "warning": 0xE0A100, "critical": 0xC0392B}
SIGNS = {"info": "🟢", "warning": "🟡", "critical": "🔴"}
SLACK_HEADER, SLACK_SECTION = 150, 3000
DISCORD_TITLE, DISCORD_TEXT, DISCORD_FIELD = 256, 4096, 1024
MAX_LINKS = 10

_MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<:@-])")


def alert_of(message: str, subject: str | None = None) -> dict[str, Any]:
    """The alert in an SNS message: one of ours, a CloudWatch alarm's, or any other text as it is."""
    try:
        document = json.loads(message)
    except ValueError:
        document = None
    if isinstance(document, dict) and {"severity", "kind", "title"} <= document.keys():
        return document
    if isinstance(document, dict) and "AlarmName" in document:
        return _alarm(document)
    title = subject or "Message"
    return {"severity": "warning", "kind": "alarm", "title": title, "text": message, "links": [], "usd": None}


def slack(alert: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a Slack incoming webhook: Block Kit, with a plain ``text`` for notifications."""
    sign = SIGNS.get(str(alert["severity"]), SIGNS["warning"])
    title = f"{sign} {_line(alert['title'])}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(title, SLACK_HEADER), "emoji": False}}
    ]
    if text := str(alert.get("text") or "").strip():
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": _cut_slack(text, SLACK_SECTION)}})
    links = [f"<{_slack(url)}|{_slack(name).replace('|', '/')}>" for name, url in _links(alert)]
    if links:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": " · ".join(links)[:SLACK_SECTION]}})
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _slack(_facts(alert))}]})
    return {"text": _slack(_cut(title, SLACK_HEADER)), "blocks": blocks, "unfurl_links": False}


def discord(alert: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a Discord webhook: one embed, no mentions."""
    severity = str(alert["severity"])
    embed: dict[str, Any] = {
        "title": _cut(_markdown(_line(alert["title"])), DISCORD_TITLE),
        "description": _cut(_markdown(str(alert.get("text") or "")), DISCORD_TEXT),
        "color": COLOURS.get(severity, COLOURS["warning"]),
        "footer": {"text": _cut(_facts(alert), 2048)},
    }
    links = "\n".join(f"[{_markdown(name)}](<{url}>)" for name, url in _links(alert) if ">" not in url)
    if links and len(links) <= DISCORD_FIELD:
        embed["fields"] = [{"name": "Links", "value": links}]
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


RENDERERS = {"slack": slack, "discord": discord}


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


def _facts(alert: Mapping[str, Any]) -> str:
    parts = [str(alert.get("severity", "")), str(alert.get("kind", ""))]
    if alert.get("asset"):
        parts.append(f"asset {alert['asset']}")
    if alert.get("usd") is not None:
        parts.append(f"${float(alert['usd']):.4f}")
    return " · ".join(p for p in parts if p)


def _links(alert: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Titles and addresses; what is not http(s) or holds white space is no link."""
    for link in list(alert.get("links") or [])[:MAX_LINKS]:
        url = str(link.get("url", ""))
        if urlsplit(url).scheme in ("http", "https") and not re.search(r"\s", url):
            yield _line(link.get("title") or url), url


def _line(text: Any) -> str:
    """One line of printable text: control characters, also those that turn the writing direction, become spaces."""
    return re.sub(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+", " ", str(text)).strip() or "(no title)"


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut_slack(text: str, limit: int) -> str:
    """Escaped text within the limit, never cut inside an escape."""
    while len(_slack(text)) > limit:
        text = _cut(text, len(text) - max(1, (len(_slack(text)) - limit) // 5))
    return _slack(text)


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip("\\") + "…"
