"""What `make up` does before and after its deployment; tests/local/test_cli.py runs it as a process."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from impp_local.demo import environment, stages, up
from impp_local.demo.console import Console
from impp_local.deploy import root
from impp_local.kernel import store

OUTPUTS = {"ingest_bucket": "ingest"}


@pytest.fixture
def deployments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The endpoints that Terraform was applied to; nothing is built."""
    applied: list[str] = []

    def deploy(endpoint: str, *_: Any, **__: Any) -> dict[str, Any]:
        applied.append(endpoint)
        return OUTPUTS

    monkeypatch.setattr(stages, "build", lambda: tmp_path / "manifest.json")
    monkeypatch.setattr(root, "deploy", deploy)
    monkeypatch.setattr(up, "SETTLED_S", 0)
    return applied


@pytest.mark.parametrize(("known", "there", "applies"), [(True, True, 0), (True, False, 1), (False, True, 1)])
def test_terraform_runs_only_when_something_is_new_or_missing(
    deployments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, there: bool, applies: int
) -> None:
    monkeypatch.setattr(root, "deployed", lambda *_, **__: OUTPUTS if known else None)
    monkeypatch.setattr(up, "_is_there", lambda *_: there)
    out = io.StringIO()
    assert up._outputs("http://127.0.0.1:1", tmp_path, Console(out)) == OUTPUTS
    assert len(deployments) == applies
    assert ("Deployed already" in out.getvalue()) is (applies == 0)


def test_the_command_impp_finds_the_cloud_and_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "page", lambda _endpoint, name: {"distributions": {"E1": "http://127.0.0.1:2"}}[name])
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:impp-local-pipeline"
    outputs = {"state_machine_arn": machine, "distribution_id": "E1"}
    local = environment.of_cloud("local", "http://127.0.0.1:1", outputs)
    assert (local.name, local.region) == ("local", "us-east-1")
    assert local.settings.endpoint_url == "http://127.0.0.1:1"
    assert local.delivery_url == "http://127.0.0.1:2"


def test_fresh_begins_with_nothing(tmp_path: Path) -> None:
    kept = store.Store(tmp_path)
    kept.put("thing", "a", 1)
    kept.close()
    known = tmp_path / "deploy" / root.STATE
    known.parent.mkdir(parents=True)
    known.touch()
    up._forget(tmp_path)
    empty = store.Store(tmp_path)
    assert empty.get("thing", "a") is None
    assert not known.exists()
    empty.close()


def test_statements_that_nothing_needed_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="No local cloud runs"):
        up.unneeded_statements(tmp_path)
    up.Record(1, "http://127.0.0.1:1").write(tmp_path)
    monkeypatch.setattr(up.Record, "is_running", lambda _: True)
    spare = {"policy": "role a: work", "statement": "Read"}
    page = {"enforced": True, "needed": [spare], "replaceable": [spare], "unused": [spare]}
    monkeypatch.setattr(stages, "page", lambda _endpoint, _name: page)
    assert up.unneeded_statements(tmp_path) == [
        "role a: work: Read",
        "role a: work: Read  (another statement allows the same)",
        "2 of 3 statements were not needed.",
    ]
    page["enforced"] = False
    with pytest.raises(LookupError, match="--enforce"):
        up.unneeded_statements(tmp_path)
