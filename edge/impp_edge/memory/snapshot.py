"""A temporary copy of the state, to read or modify beside a run that holds the lock."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from impp_edge.memory.database import FILE
from impp_edge.memory.state import State


@contextmanager
def snapshot(folder: Path) -> Iterator[State]:
    """A temporary, writable copy of a folder's state; an empty one if there is none that can be read."""
    with tempfile.TemporaryDirectory(prefix="impp-edge-") as temporary:
        file = folder / FILE
        if file.exists():
            copy = Path(temporary) / FILE
            try:
                at_rest = not file.with_name(
                    f"{FILE}-wal"
                ).exists()  # then not even SQLite's own files are created beside it
                old = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' * at_rest}", uri=True)
                with closing(old), closing(sqlite3.connect(copy)) as new:
                    old.backup(new)
            except sqlite3.Error:
                copy.unlink(missing_ok=True)
        state = State(Path(temporary))
        try:
            yield state
        finally:
            with suppress(Exception):
                state.close()
