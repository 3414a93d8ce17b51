"""What the page gets from the function behind CloudFront."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.lambdas.core.actions.test_http import REQUEST, event
from tests.support.aws_fakes import TABLE, FakeContext
from tests.support.pipeline_account import Account, pipeline_account

from impp_lambdas.adapters import aws, spending
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.money.pricing import LedgerLine
from impp_lambdas.handlers import api

NOW = datetime.now(UTC)
DAY = f"{NOW:%Y-%m-%d}"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        monkeypatch.setenv("IMPP_ACTIONS_FUNCTION", "impp-test-actions")
        monkeypatch.setenv("IMPP_MONTHLY_BUDGET_USD", "20")
        yield opened


@pytest.fixture
def invoked(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Payloads that `actions` receives; its next answer is the last element's."""
    payloads: list[Any] = []

    def invoke(FunctionName: str, Payload: bytes) -> dict[str, Any]:
        assert FunctionName == "impp-test-actions"
        payloads.append(json.loads(Payload))
        return {"Payload": io.BytesIO(b'{"results": [], "usd": 0}')}

    monkeypatch.setattr(aws.client("lambda"), "invoke", invoke)
    return payloads


def call(request: dict[str, Any]) -> tuple[int, Any]:
    answer = api.handler(request, FakeContext())
    assert answer["headers"]["cache-control"] == "no-store"
    return answer["statusCode"], json.loads(answer["body"])


def money() -> tuple[int, Any]:
    return call(event() | {"rawPath": "/api/money", "requestContext": {"http": {"method": "GET"}}})


def test_a_request_is_handed_on_as_it_is(invoked: list[Any]) -> None:
    assert call(event()) == (200, {"results": [], "usd": 0})
    assert invoked == [REQUEST]


def test_a_foreign_pages_request_reaches_nothing(invoked: list[Any]) -> None:
    status, body = call(event(sec_fetch_site="cross-site"))
    assert status == 400 and "own page" in body["error"] and not invoked


def test_too_many_requests_wait_for_the_next_minute(invoked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PER_MINUTE", 1)
    statuses = [call(event())[0] for _ in range(3)]  # a minute may end between two
    assert statuses[-1] == 429 or statuses.count(429) == 1
    assert len(invoked) == statuses.count(200)


def test_a_failure_of_the_action_reveals_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "arn:aws:secret"}')}
    monkeypatch.setattr(aws.client("lambda"), "invoke", lambda **_request: answer)
    status, body = call(event())
    assert status == 502 and "arn:aws" not in json.dumps(body)


def test_every_call_leaves_a_line_without_credentials(invoked: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    call(event())
    call(event(x_impp=None))
    lines = [vars(record) for record in caplog.records if "audit" in vars(record)]
    assert [(line["status"], line["action"]) for line in lines] == [(200, "restore"), (400, None)]
    assert "s3cr3t" not in str(lines) and "eyJhIjoxfQ__" not in str(lines)


def test_money_sums_up_the_month(account: Account) -> None:
    settings = Settings.from_env()
    media = {"asset": "a" * 20, "day": DAY, "facts": {"source": "dashcam", "device": "car"}}
    spending.reserve(settings, media, "run", 1.0)
    lines = [LedgerLine("rekognition", "image_api", 500, "image", 0.5), LedgerLine("s3", "standard", 1, "GB", 0.1)]
    spending.settle(settings, media, "run", -0.4, lines)
    spending.settle(settings, media, "run", -0.4, lines)  # a retry
    status, body = money()
    assert status == 200 and body["usd"] == pytest.approx(0.6) and body["budget_usd"] == 20
    assert body["month"] == DAY[:7] and body["days"][-1] == {"day": DAY, "usd": pytest.approx(0.6)}
    assert len(body["days"]) == NOW.day and sum(day["usd"] for day in body["days"]) == pytest.approx(0.6)
    assert body["services"] == [
        {"service": "rekognition", "usd": pytest.approx(0.5)},
        {"service": "s3", "usd": pytest.approx(0.1)},
    ]
    assert body["forecast_usd"] == pytest.approx(0.6 / NOW.day * _days(NOW)), "at the same daily rate"


def _days(moment: datetime) -> int:
    import calendar

    return calendar.monthrange(moment.year, moment.month)[1]


def test_no_sum_is_no_error(account: Account) -> None:
    assert money()[1]["usd"] == 0 and spending.by_service(TABLE, DAY[:7]) == {}
