"""What is written stays, also when the process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from impp_local.kernel import store as stores
from impp_local.kernel.store import Store, StoreInUse, StoreUnreadable

KILLED = """
import os, signal, sys
from pathlib import Path
from impp_local.kernel.store import Store
store = Store(Path(sys.argv[1]))
store.put("kind", "whole", b"1")
with store.changes():
    store.put("kind", "half", b"2")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_whole_changes_only(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env={**os.environ, "PYTHONPATH": "src"})
    assert ended.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.rows("kind") == [("whole", b"1")]
    store.close()


def test_only_its_owner_can_enter_the_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Store(tmp_path).close()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_failed_block_changes_nothing_and_blocks_nest(tmp_path: Path) -> None:
    store = Store(tmp_path, durable=True)
    store.put("kind", "key", 1)
    with pytest.raises(ZeroDivisionError), store.changes():
        store.delete("kind", "key")
        with store.changes():
            store.put("kind", "other", 2)
        raise ZeroDivisionError
    assert (store.get("kind", "key"), store.get("kind", "other")) == (1, None)
    store.close()


def test_rows_are_listed_by_prefix_as_text(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for key in ("a/2", "a/1", "a_1", "A/1", "ä/1"):
        store.put("kind", key, key)
    assert [key for key, _ in store.rows("kind", "a/")] == ["a/1", "a/2"]
    assert store.rows("another kind") == []
    store.close()


def test_all_rows_below_a_prefix_are_removed_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for key in ("a/1", "a/2", "ab", "b/1"):
        store.put("kind", key, key)
    store.delete_all("kind", "a/")
    assert [key for key, _ in store.rows("kind")] == ["ab", "b/1"]
    store.close()


def test_an_action_waits_for_the_changes_under_way(tmp_path: Path) -> None:
    store, done = Store(tmp_path), []
    with store.changes():
        with store.changes():
            store.afterwards(lambda: done.append("written"))
        assert done == []
    assert done == ["written"]
    with pytest.raises(ZeroDivisionError), store.changes():
        store.afterwards(lambda: done.append("failed"))
        raise ZeroDivisionError
    store.afterwards(lambda: done.append("at once"))
    assert done == ["written", "at once"]
    store.close()


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreInUse, match="Another local cloud"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_rows_of_another_format_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).close()
    monkeypatch.setattr(stores, "WRITTEN_BY", "2, moto 9")
    with pytest.raises(StoreUnreadable, match="choose another folder"):
        Store(tmp_path)


def test_an_erased_folder_is_empty_and_one_in_use_is_not_erased(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("kind", "key", 1)
    (tmp_path / "objects").mkdir()
    with pytest.raises(StoreInUse):
        stores.erase(tmp_path)
    store.close()
    stores.erase(tmp_path)
    assert not (tmp_path / "objects").exists()
    store = Store(tmp_path)
    assert store.rows("kind") == []
    store.close()
