"""The notifier against a real HTTP server: what arrives, what is retried, and what never reaches a log."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from tests.support.aws_fakes import FakeContext, mocked_account

from impp_lambdas.adapters import webhooks
from impp_lambdas.adapters.webhooks import DeliveryError
from impp_lambdas.core.results.channels import CHANNELS
from impp_lambdas.core.results.sns_messages import alert_of
from impp_lambdas.handlers import notifier

pytestmark = pytest.mark.slow

ALERT = {
    "severity": "critical", "kind": "quarantined", "asset": "0123456789abcdef0123", "title": "clip <!channel>.mp4",
    "text": "Truncated: <!here> & @everyone *bold*", "links": [{"title": "look|here", "url": "https://x.test/a?b=1&c=2"}],
    "usd": 0.0123,
}  # fmt: skip


class Channel(ThreadingHTTPServer):
    """A webhook with a queue of responses, then 200."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                channel.got.append(json.loads(body))
                status, headers = channel.answers.pop(0) if channel.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/services/T0/B0/SECRETPATH"


@pytest.fixture
def channel() -> Iterator[Channel]:
    server = Channel()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch) as _:
        monkeypatch.setattr(webhooks, "BACKOFF_S", 0.01)
        yield


def configure(monkeypatch: pytest.MonkeyPatch, secret: dict[str, Any] | str) -> None:
    text = secret if isinstance(secret, str) else json.dumps(secret)
    secret_id = boto3.client("secretsmanager").create_secret(Name="hooks", SecretString=text)
    monkeypatch.setenv("IMPP_WEBHOOK_SECRET_ARN", secret_id["ARN"])


def event(*messages: Any) -> dict[str, Any]:
    return {
        "Records": [{"Sns": {"Message": m if isinstance(m, str) else json.dumps(m), "Subject": "S"}} for m in messages]
    }


def spoken(caplog: pytest.LogCaptureFixture, error: BaseException) -> str:
    """All that was logged, at any level, with extra fields, and the whole traceback."""
    assert any(r.message == "alert not delivered" for r in caplog.records)
    ours = [r for r in caplog.records if r.name != "responses"]  # moto's own helper, not there on Lambda
    return str([(r.getMessage(), vars(r)) for r in ours]) + "".join(traceback.format_exception(error))


def test_a_response_without_end_does_not_hold_the_next_channel_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that was taken over answers 200, and then a byte every second for ever."""
    ended = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            try:
                while not ended.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                ended.set()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        configure(monkeypatch, {"slack": f"http://127.0.0.1:{server.server_port}/hook"})
        answers: list[Any] = []
        sender = threading.Thread(target=lambda: answers.append(notifier.handler(event(ALERT), FakeContext())))
        sender.daemon = True
        sender.start()
        sender.join(timeout=30)
        assert answers == [{"delivered": 1}]
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def test_each_channel_gets_its_own_format(monkeypatch: pytest.MonkeyPatch, channel: Channel) -> None:
    configure(monkeypatch, {"slack": channel.url, "discord": [channel.url, channel.url]})
    assert notifier.handler(event(ALERT), FakeContext()) == {"delivered": 3}
    assert sum("embeds" in body for body in channel.got) == 2
    assert sum("blocks" in body for body in channel.got) == 1


@pytest.mark.parametrize("answer", [(429, {"Retry-After": "0"}), (429, {}), (500, {}), (503, {"Retry-After": "x"})])
def test_busy_and_broken_channels_are_retried(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, answer: tuple[int, dict[str, str]]
) -> None:
    configure(monkeypatch, {"slack": channel.url})
    channel.answers = [answer, answer]
    assert notifier.handler(event(ALERT), FakeContext()) == {"delivered": 1}
    assert len(channel.got) == 3


@pytest.mark.parametrize(
    ("answers", "attempts", "reason"),
    [
        ([(500, {})] * 9, webhooks.ATTEMPTS, "HTTP 500"),
        ([(404, {})] * 9, 1, "HTTP 404"),
        ([(302, {"Location": "http://127.0.0.1:1/"})] * 9, 1, "HTTP 302"),
        ([(429, {"Retry-After": "3600"})] * 9, 1, "HTTP 429"),
    ],
)
def test_an_undeliverable_alert_fails_the_invocation_without_leaking_the_secret(
    monkeypatch: pytest.MonkeyPatch,
    channel: Channel,
    caplog: pytest.LogCaptureFixture,
    answers: list[tuple[int, dict[str, str]]],
    attempts: int,
    reason: str,
) -> None:
    configure(monkeypatch, {"slack": channel.url})
    channel.answers = answers
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError, match=reason) as caught:
        notifier.handler(event(ALERT), FakeContext())
    assert len(channel.got) == attempts
    assert "SECRETPATH" not in spoken(caplog, caught.value)


def test_a_dead_channel_does_not_block_the_others(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    configure(monkeypatch, {"discord": "http://127.0.0.1:1/SECRETPATH", "slack": channel.url})
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(DeliveryError, match="discord webhook 1: ConnectionError") as caught,
    ):
        notifier.handler(event(ALERT), FakeContext())
    assert len(channel.got) == 1
    assert "SECRETPATH" not in spoken(caplog, caught.value)


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "127.0.0.1/x", "https:///x"]
)
def test_only_https_and_loopback_addresses_are_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    configure(monkeypatch, {"slack": url})
    with pytest.raises(DeliveryError, match="slack webhook 1 is not an https address"):
        notifier.handler(event(ALERT), FakeContext())


def test_an_empty_secret_has_no_channel_and_a_wrong_one_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_id = boto3.client("secretsmanager").create_secret(Name="empty")
    monkeypatch.setenv("IMPP_WEBHOOK_SECRET_ARN", secret_id["ARN"])
    assert notifier.handler(event(ALERT), FakeContext()) == {"delivered": 0}
    with pytest.raises(DeliveryError, match=f"unknown channels: other; allowed are {', '.join(sorted(CHANNELS))}"):
        webhooks.parse_secret({"other": "https://x.test"}, CHANNELS)
    configure(monkeypatch, "https://hooks.test/SECRETPATH")
    with pytest.raises(DeliveryError, match="not a JSON object") as caught:
        notifier.handler(event(ALERT), FakeContext())
    assert "SECRETPATH" not in str(caught.value)


def test_slack_shows_hostile_text_as_it_is() -> None:
    """Plain text has no mentions, links or formatting; only our own links are mrkdwn, and `verbatim`."""
    hostile = "Truncated: <!here> & @everyone *bold* https://evil.test #general"
    body = CHANNELS["slack"].render({**ALERT, "text": f"{hostile}\u202egpj.exe", "links": ALERT["links"]})
    header, text, links, facts = body["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "🔴 clip <!channel>.mp4", "emoji": False}
    assert text["text"] == {"type": "plain_text", "text": f"{hostile} gpj.exe", "emoji": False}
    link = "<https://x.test/a?b=1&amp;c=2|look/here>"
    assert links["text"] == {"type": "mrkdwn", "text": link, "verbatim": True}
    assert [element["type"] for element in facts["elements"]] == ["plain_text"]
    assert (body["mrkdwn"], body["text"]) == (False, "🔴 clip &lt;!channel&gt;.mp4")  # of notifications


def test_discord_text_cannot_mention_or_format() -> None:
    body = CHANNELS["discord"].render(ALERT)
    assert body["allowed_mentions"] == {"parse": []}
    assert body["embeds"][0]["description"] == r"Truncated\: \<!here\> & \@everyone \*bold\*"


@pytest.mark.parametrize("name", CHANNELS)
def test_no_invisible_character_reaches_a_channel(name: str) -> None:
    hostile = "a\x1b[31m\u202egpj\u2028b\u061c\u00ad\U000e0041\ufeff\nc"
    link = {"title": hostile, "url": "https://x.test/"}
    body = CHANNELS[name].render({**ALERT, "title": hostile, "text": hostile, "links": [link]})
    text = json.dumps(body, ensure_ascii=False).replace("\\n", "")
    assert text.isprintable() and "gpj" in text
    assert "\\u" not in text


def test_invalid_links_are_left_out() -> None:
    bad = {**ALERT, "links": [{"title": "x", "url": "javascript:alert(1)"}, {"title": "y", "url": "https://a b"}, {}]}
    assert "javascript" not in json.dumps(CHANNELS["slack"].render(bad)) + json.dumps(CHANNELS["discord"].render(bad))
    assert "fields" not in CHANNELS["discord"].render(bad)["embeds"][0]


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_renders_a_plain_alert(name: str) -> None:
    body = json.dumps(CHANNELS[name].render({**ALERT, "title": "clip.mp4", "text": "Truncated"}), ensure_ascii=False)
    assert all(part in body for part in ("clip.mp4", "Truncated", "https://x.test/a", "quarantined", "$0.0123"))


def test_lengths_stay_within_the_channels_limits() -> None:
    long = {
        **ALERT,
        "title": "ä<" * 5000,
        "text": "<&>" * 5000,
        "links": [{"title": "t" * 900, "url": "https://x.test"}] * 9,
    }
    blocks = CHANNELS["slack"].render(long)["blocks"]
    assert len(blocks[0]["text"]["text"]) <= 150
    assert all(len(b["text"]["text"]) <= 3000 for b in blocks if b["type"] == "section")
    embed = CHANNELS["discord"].render(long)["embeds"][0]
    assert len(embed["title"]) <= 256 and len(embed["description"]) <= 4096


def test_a_presigned_url_arrives_whole_or_not_at_all() -> None:
    presigned, execution = f"https://bucket.test/manifest.json?{'X' * 1800}", "https://console.test/execution"
    alert = {
        **ALERT,
        "text": "t" * 5000,
        "links": [{"title": "Manifest", "url": presigned}, {"title": "Execution", "url": execution}],
    }
    embed = CHANNELS["discord"].render(alert)["embeds"][0]
    assert embed["description"].endswith(f"[Manifest](<{presigned}>)")
    assert len(embed["description"]) <= 4096
    assert embed["fields"] == [{"name": "Links", "value": f"[Execution](<{execution}>)"}]
    assert presigned in json.dumps(CHANNELS["slack"].render(alert))
    longer = {**alert, "links": [{"title": "Manifest", "url": presigned * 2}, *alert["links"][1:]]}
    for name, channel in CHANNELS.items():
        body = json.dumps(channel.render(longer))
        assert execution in body and "X" * 1800 not in body, name


def test_alarms_and_plain_texts_become_alerts() -> None:
    alarm = {
        "AlarmName": "impp-dev-dlq",
        "NewStateValue": "ALARM",
        "NewStateReason": "1 > 0",
        "AlarmDescription": "Dead letters",
    }
    assert alert_of(json.dumps(alarm)) == {
        "severity": "critical", "kind": "alarm", "title": "impp-dev-dlq is ALARM", "text": "Dead letters\n1 > 0",
        "links": [], "usd": None,
    }  # fmt: skip
    assert alert_of(json.dumps({**alarm, "NewStateValue": "OK"}))["severity"] == "info"
    assert alert_of("AWS Budgets: over", "Budget")["title"] == "Budget"
    assert CHANNELS["slack"].render(alert_of("[1, 2]"))["blocks"]
