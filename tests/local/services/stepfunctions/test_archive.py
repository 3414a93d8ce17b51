"""The archive of executions loses none from its lists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto.stepfunctions.parser.api import ExecutionStatus

from impp_local.kernel.store import Store
from impp_local.services.stepfunctions.archive import Archive
from impp_local.services.stepfunctions.journal import ENDED


class EndedExecution:
    """An execution that has just ended, as far as the archive looks at it."""

    exec_arn = "arn:aws:states:us-east-1:123456789012:execution:machine:late"
    exec_status = ExecutionStatus.SUCCEEDED

    def row(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {"machine": {"arn": "machine"}, "name": "late", "status": "SUCCEEDED", "started": now, "stopped": now}


def test_an_execution_that_ends_while_they_are_listed_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    archive: Any = Archive(store)
    read = store.rows
    late = EndedExecution()

    def end_after_reading(kind: str, prefix: str = "") -> list[tuple[str, Any]]:
        found = read(kind, prefix)
        if kind == ENDED:
            archive.write(late)
        return found

    monkeypatch.setattr(store, "rows", end_after_reading)
    archive.ended_of("machine")
    monkeypatch.undo()
    if store.get(ENDED, late.exec_arn) is None:
        archive.write(late)
    assert [execution.name for execution in archive.ended_of("machine")] == ["late"]
    assert [execution.name for execution in Archive(store).ended_of("machine")] == ["late"]
    store.close()
