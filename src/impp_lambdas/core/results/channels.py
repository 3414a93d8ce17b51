"""The chat channels that alerts go to: one row of :data:`CHANNELS` per service.

A row's name is also the channel's key in the webhook secret and in Terraform's variable `webhooks`. Titles, file names
and transcripts are hostile text. Slack gets them as `plain_text`, in which it looks for no mention, link or format; our
own links are `mrkdwn`, escaped (`& < >`) and `verbatim`: Slack links nothing else in them. For Discord, Markdown is
escaped and every mention disabled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

COLOURS: Final = {"info": 0x2E8B57, "warning": 0xE0A100, "critical": 0xC0392B}
SIGNS: Final = {"info": "🟢", "warning": "🟡", "critical": "🔴"}
MAX_LINKS: Final = 10

_MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<:@-])")


@dataclass(frozen=True)
class Limits:
    """The service's documented limits for the parts of a message, in characters."""

    title: int
    text: int
    links: int
    facts: int


@dataclass(frozen=True)
class Channel:
    """A chat service with webhooks: its limits, and how an alert becomes the body of a request."""

    limits: Limits
    body: Callable[[Mapping[str, Any], Limits], dict[str, Any]]

    def render(self, alert: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON body that posts an alert to a webhook of this service."""
        return self.body(alert, self.limits)


def _slack(alert: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Block Kit, with a plain `text` for notifications."""
    sign = SIGNS.get(str(alert["severity"]), SIGNS["warning"])
    title = _cut(f"{sign} {_line(alert['title'])}", limits.title)
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _slack_plain(title)}]
    if text := _visible(str(alert.get("text") or "")).strip():
        blocks.append({"type": "section", "text": _slack_plain(_cut(text, limits.text))})
    links = [f"<{_slack_escaped(url)}|{_slack_escaped(name).replace('|', '/')}>" for name, url in _links(alert)]
    if links := _fitting(links, " · ", limits.links):
        joined = {"type": "mrkdwn", "text": " · ".join(links), "verbatim": True}
        blocks.append({"type": "section", "text": joined})
    blocks.append({"type": "context", "elements": [_slack_plain(_cut(_facts(alert), limits.facts))]})
    return {"text": _slack_escaped(title), "mrkdwn": False, "blocks": blocks, "unfurl_links": False}


def _discord(alert: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """One embed, no mentions."""
    severity = str(alert["severity"])
    links = [f"[{_markdown(name)}](<{url}>)" for name, url in _links(alert) if ">" not in url]
    in_field = _fitting(links, "\n", limits.links)
    # A presigned URL is too long for a field.
    in_text = _fitting([link for link in links if link not in in_field], "\n", limits.text // 2)
    text = _cut(_markdown(_visible(str(alert.get("text") or ""))), limits.text - len("\n".join(["", *in_text])))
    embed: dict[str, Any] = {
        "title": _cut(_markdown(_line(alert["title"])), limits.title),
        "description": "\n".join([text, *in_text]),
        "color": COLOURS.get(severity, COLOURS["warning"]),
        "footer": {"text": _cut(_facts(alert), limits.facts)},
    }
    if in_field:
        embed["fields"] = [{"name": "Links", "value": "\n".join(in_field)}]
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


CHANNELS: Final[Mapping[str, Channel]] = {
    # https://discord.com/developers/docs/resources/message#embed-object-embed-limits
    "discord": Channel(Limits(title=256, text=4096, links=1024, facts=2048), _discord),
    # https://api.slack.com/reference/block-kit/blocks, https://api.slack.com/reference/block-kit/composition-objects
    "slack": Channel(Limits(title=150, text=3000, links=3000, facts=3000), _slack),
}
"""Every channel by name."""


def _facts(alert: Mapping[str, Any]) -> str:
    parts = [str(alert.get("severity", "")), str(alert.get("kind", ""))]
    if alert.get("asset"):
        parts.append(f"asset {alert['asset']}")
    if alert.get("usd") is not None:
        parts.append(f"${float(alert['usd']):.4f}")
    return " · ".join(p for p in parts if p)


def _links(alert: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Titles and URLs of the links, without those that are not http(s) or contain white space."""
    for link in list(alert.get("links") or [])[:MAX_LINKS]:
        url = str(link.get("url", ""))
        if urlsplit(url).scheme in ("http", "https") and not re.search(r"\s", url):
            yield _line(link.get("title") or url), url


def _fitting(links: Sequence[str], separator: str, limit: int) -> list[str]:
    """The links that fit into a limit together, in order. Half a link would be of no use."""
    fitting: list[str] = []
    for link in links:
        if len(separator.join([*fitting, link])) <= limit:
            fitting.append(link)
    return fitting


def _line(text: Any) -> str:
    """Reduce a text to one line."""
    return re.sub(r"\s+", " ", _visible(str(text))).strip() or "(no title)"


def _visible(text: str) -> str:
    """Replace characters that no font shows by spaces: controls, those for the writing direction, separators of lines
    that only some programs know. Lines stay."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _slack_plain(text: str) -> dict[str, Any]:
    # https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    return {"type": "plain_text", "text": text, "emoji": False}


def _slack_escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip("\\") + "…"
