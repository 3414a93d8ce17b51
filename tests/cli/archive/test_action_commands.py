"""The commands that act on assets: quote, question, action, result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.archive_account import DELIVERY, OUTPUTS, ArchiveAccount

from impp_cli import environments
from impp_cli.aws import Account, AwsError, Kind
from impp_cli.commands import action
from impp_lambdas.core.actions import request
from impp_lambdas.core.results import index as documents

FIRST, SECOND = "a1" * 10, "b2" * 10
Answer = Callable[[dict[str, Any], str], dict[str, Any]]


class Function:
    """Stands in for the function `actions`: checks requests as it does, and answers each asset by `answer`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Answer = self._usual

    def invoke(self, _account: Account, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        assert name == "impp-dev-actions"
        request.parse(payload)
        self.requests.append(payload)
        results = [{"asset": asset, **self.answer(payload, asset)} for asset in payload["assets"]]
        return {"results": results, "usd": sum(result.get("usd", 0) for result in results)}

    @property
    def acted(self) -> list[list[str]]:
        """The assets of each request that was no quote."""
        return [one["assets"] for one in self.requests if not one["dry_run"]]

    @staticmethod
    def _usual(payload: dict[str, Any], _asset: str) -> dict[str, Any]:
        status = "would" if payload["dry_run"] else "accepted"
        return {"status": status, "message": "restore from GLACIER, ready within 12 h", "usd": 1.5}


@pytest.fixture
def function(archive: ArchiveAccount, monkeypatch: pytest.MonkeyPatch) -> Function:
    outputs = {**OUTPUTS, "function_names": {"actions": "impp-dev-actions"}}
    environments.write(environments.of_outputs("dev", outputs), archive.environ)
    for asset in (FIRST, SECOND):
        archive.put_item(f"ASSET#{asset}", {"asset": asset, "state": "published", "key": "originals/a"})
    stand_in = Function()
    monkeypatch.setattr(Account, "invoke", lambda account, name, payload: stand_in.invoke(account, name, payload))
    return stand_in


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is there to answer."""
    monkeypatch.setattr(action, "is_interactive", lambda: True)


def test_the_price_is_shown_before_anything_is_spent(
    archive: ArchiveAccount, function: Function, terminal: None
) -> None:
    result = archive.impp("restore", FIRST, SECOND, "--tier", "standard", "--days", "3", input="n\n")
    assert result.exit_code == 4 and not function.acted
    assert "$1.50" in result.output and "Restore 2 assets for $3.00?" in result.output
    assert archive.impp("restore", FIRST, SECOND, input="y\n").exit_code == 0
    assert function.acted == [[FIRST, SECOND]]
    assert function.requests[0]["options"] == {"tier": "standard", "days": 3}
    assert len({one["request"] for one in function.requests}) == len(function.requests), "each is a request of its own"


def test_a_script_must_say_yes(archive: ArchiveAccount, function: Function) -> None:
    result = archive.impp("restore", FIRST)
    assert result.exit_code == 2 and "--yes" in result.output and not function.acted
    assert archive.impp("restore", FIRST, "--yes").exit_code == 0 and function.acted == [[FIRST]]


def test_a_dry_run_is_a_quote(archive: ArchiveAccount, function: Function) -> None:
    result = archive.impp("replay", FIRST, "--dry-run", "--json")
    assert result.exit_code == 0 and not function.acted
    assert json.loads(result.output)["usd"] == 1.5


@pytest.mark.parametrize(
    ("statuses", "code"),
    [({FIRST: "nothing", SECOND: "nothing"}, 3), ({FIRST: "nothing", SECOND: "refused"}, 4), ({FIRST: "nothing"}, 0)],
)
def test_the_exit_code_tells_how_it_ended(
    archive: ArchiveAccount, function: Function, statuses: dict[str, str], code: int
) -> None:
    usual = function.answer

    def answer(payload: dict[str, Any], asset: str) -> dict[str, Any]:
        return {"status": statuses[asset], "message": "…"} if asset in statuses else usual(payload, asset)

    function.answer = answer
    assert archive.impp("restore", FIRST, SECOND, "--yes").exit_code == code
    assert function.acted == ([[SECOND]] if code == 0 else []), "only what would change anything is asked for"


def test_replays_wait_for_the_rate_limit(
    archive: ArchiveAccount, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("impp_cli.commands.action.time.sleep", waited.append)

    def answer(payload: dict[str, Any], asset: str) -> dict[str, Any]:
        if payload["dry_run"]:
            return {"status": "would", "message": "process it again"}
        if asset == SECOND and not waited:
            return {"status": "refused", "message": "60 per minute", "retry_in_s": 7}
        return {"status": "accepted", "message": "process it again"}

    function.answer = answer
    result = archive.impp("replay", FIRST, SECOND, "--yes")
    assert result.exit_code == 0 and waited == [7]
    assert function.acted == [[FIRST, SECOND], [SECOND]]


@pytest.mark.parametrize(
    ("price", "question"),
    [
        ({"most_usd": 2.5}, "again for at most $4.00?"),
        ({}, "again for at most $1.50 and the price of 1 asset, which nothing limits?"),
    ],
)
def test_a_replay_without_a_quote_is_not_asked_for_as_if_it_were_free(
    archive: ArchiveAccount, function: Function, price: dict[str, float], question: str
) -> None:
    known = {"usd": 1.5}
    function.answer = lambda _, asset: {"status": "would", "message": "m", **(known if asset == FIRST else price)}
    result = archive.impp("replay", FIRST, SECOND)
    assert result.exit_code == 2 and question in result.stderr
    assert "Sum: $1.50, and 1 asset whose price is not known yet" in result.stdout


def test_assets_are_selected_by_the_index(archive: ArchiveAccount, function: Function) -> None:
    entries = [
        {"asset": asset, "state": state, "captured_at": "2026-10-17T08:00:00Z", "key": "k", "name": "n", "device": "d"}
        for asset, state in ((FIRST, "deferred"), (SECOND, "published"))
    ]
    shard: Any = None
    for one in entries:
        shard = documents.with_entry(shard, "2026-10", one["asset"], one)
    row = documents.row(shard)
    listed = documents.with_row(None, row, "2026-11-29T12:00:00Z")
    words = documents.with_words(None, "2026-10", FIRST, None)
    for key, document in ((row["path"], shard), (row["words"], words), ("index/shards.json", listed)):
        archive.s3.put_object(Bucket=DELIVERY, Key=key, Body=json.dumps(document).encode())
    assert archive.impp("replay", "--state", "deferred", "--yes").exit_code == 0
    assert function.acted == [[FIRST]]
    assert archive.impp("replay", "--state", "failed", "--yes").exit_code == 3
    assert archive.impp("replay", "--yes").exit_code == 2, "neither named nor selected"
    assert archive.impp("replay", FIRST, "--state", "deferred").exit_code == 2, "both"


def test_an_erased_asset_leaves_a_receipt(archive: ArchiveAccount, function: Function, tmp_path: Path) -> None:
    def answer(payload: dict[str, Any], asset: str) -> dict[str, Any]:
        if payload["dry_run"]:
            return {"status": "would", "message": "erase 1 version of the original"}
        return {"status": "done", "message": "erased", "receipt": {"asset": asset, "originals": []}}

    function.answer = answer
    assert archive.impp("erase", FIRST, "--receipts", str(tmp_path / "r")).exit_code == 2, "nobody has said yes"
    assert archive.impp("erase", FIRST, "--receipts", str(tmp_path / "r"), "--yes").exit_code == 0
    assert json.loads((tmp_path / "r" / f"erased-{FIRST}.json").read_text())["asset"] == FIRST


@pytest.mark.parametrize("others", [[], [SECOND]])
def test_a_receipt_whose_response_was_lost_is_written_by_the_next_run(
    archive: ArchiveAccount, function: Function, tmp_path: Path, others: list[str]
) -> None:
    def answer(payload: dict[str, Any], asset: str) -> dict[str, Any]:
        if asset == FIRST:
            return {"status": "nothing", "message": "it was erased at …", "receipt": {"asset": asset}}
        return {"status": "would" if payload["dry_run"] else "done", "message": "erase"}

    function.answer = answer
    receipt = tmp_path / f"erased-{FIRST}.json"
    options = ["--receipts", str(tmp_path)]
    assert archive.impp("erase", FIRST, *others, *options, "--dry-run").exit_code in (0, 3) and not receipt.exists()
    archive.impp("erase", FIRST, *others, *options, "--yes")
    assert json.loads(receipt.read_text())["asset"] == FIRST


@pytest.mark.parametrize("as_json", [False, True])
def test_an_erasure_that_is_cut_short_keeps_the_receipts_of_what_is_done(
    archive: ArchiveAccount, function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr("impp_cli.archive.actions.BATCH", 1)

    def answer(payload: dict[str, Any], asset: str) -> dict[str, Any]:
        if payload["dry_run"]:
            return {"status": "would", "message": "erase 1 version of the original"}
        if asset == SECOND:
            raise AwsError(Kind.CREDENTIALS, "The security token included in the request is expired")
        return {"status": "done", "message": "erased", "receipt": {"asset": asset, "originals": []}}

    function.answer = answer
    options = ["--receipts", str(tmp_path), "--yes", *(["--json"] if as_json else [])]
    result = archive.impp("erase", FIRST, SECOND, *options)
    assert result.exit_code == 4 and (tmp_path / f"erased-{FIRST}.json").exists()
    assert f"is expired. 1 of 2 assets remain ({SECOND}): run the command again." in result.stderr
    if as_json:
        document = json.loads(result.stdout)
        assert [one["asset"] for one in document["results"]] == [FIRST] and "1 of 2" in document["error"]


def test_a_receipt_that_cannot_be_written_is_printed(
    archive: ArchiveAccount, function: Function, tmp_path: Path
) -> None:
    def answer(payload: dict[str, Any], asset: str) -> dict[str, Any]:
        if payload["dry_run"]:
            return {"status": "would", "message": "erase"}
        return {"status": "done", "message": "erased", "receipt": {"asset": asset, "originals": ["v1"]}}

    function.answer = answer
    (tmp_path / f"erased-{FIRST}.json").mkdir()
    result = archive.impp("erase", FIRST, "--receipts", str(tmp_path), "--yes")
    assert result.exit_code == 0 and '"originals": [\n    "v1"' in result.stderr
    (tmp_path / "file").write_text("")
    function.requests.clear()
    result = archive.impp("erase", FIRST, "--receipts", str(tmp_path / "file" / "r"), "--yes")
    assert result.exit_code == 1 and "Nothing was erased" in result.stderr and not function.acted


def test_a_rendition_is_named_after_its_assets(archive: ArchiveAccount, function: Function) -> None:
    assert archive.impp("render", FIRST, "web", "hls", "--yes").exit_code == 0
    assert function.requests[-1]["options"] == {"renditions": ["web", "hls"]}
    assert archive.impp("render", FIRST).exit_code == 2


def test_a_hold_needs_no_answer_and_a_release_does(archive: ArchiveAccount, function: Function) -> None:
    assert archive.impp("hold", FIRST, "--reason", "claim 17").exit_code == 0
    assert function.requests[-1]["options"] == {"reason": "claim 17"}
    assert archive.impp("release", FIRST).exit_code == 2


def test_a_hostile_name_in_a_message_does_not_reach_the_terminal(archive: ArchiveAccount, function: Function) -> None:
    function.answer = lambda _payload, _asset: {"status": "refused", "message": "the name \x1b[2J.mp4"}
    result = archive.impp("restore", FIRST)
    assert result.exit_code == 4 and "\x1b" not in result.output


def test_a_rejected_request_fails_with_its_reason(
    archive: ArchiveAccount, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "invoke", lambda *_: {"error": "assets must be a list"})
    result = archive.impp("hold", FIRST)
    assert result.exit_code == 1 and "assets must be a list" in result.output
