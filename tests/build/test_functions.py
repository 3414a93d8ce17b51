"""The table of functions: what it accepts, what it gives to the manifest, and how it rejects the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from impp_build import BuildError
from impp_build.functions import Function, read

ROW = "[{}]\ndescription = 'Works.'\nmemory_mb = 128\ntimeout_s = 3\n"
SAMPLE = "[sample]\ndescription = 'Samples.'\n"


def table(folder: Path, text: str) -> Path:
    """A table with this text in the package's folder."""
    path = folder / "impp_lambdas" / "functions.toml"
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    return path


def test_rows_come_sorted_with_defaults(tmp_path: Path) -> None:
    text = ROW.format("sample") + "features = ['look']\nestimate = { seconds = 1 }\n" + ROW.format("inspect")
    rows = read(table(tmp_path, text), ["sample", "inspect"], {"look": False})
    assert list(rows) == ["inspect", "sample"]
    assert rows["sample"] == Function("Works.", 128, 3, features=["look"], estimate={"seconds": 1})
    assert rows["inspect"].to_manifest() == {
        "description": "Works.",
        "memory_mb": 128,
        "timeout_s": 3,
        "ephemeral_storage_mb": 512,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[sample]: the function has no row"),
        (ROW.format("sample") + ROW.format("fly"), "[fly]: there is no impp_lambdas/handlers/fly.py"),
        ("[sample\n", "line 1"),
        (SAMPLE + "memory_mb = 64\ntimeout_s = 1\n", "memory_mb is 64; it must be a whole number from 128 to 10240"),
        (SAMPLE + "memory_mb = 128\ntimeout_s = 901\n", "timeout_s is 901; it must be a whole number from 1 to 900"),
        (SAMPLE + "memory_mb = 128\ntimeout_s = 1.5\n", "timeout_s is 1.5"),
        (ROW.format("sample") + "ephemeral_storage_mb = 1\n", "ephemeral_storage_mb is 1"),
        (SAMPLE + "memory_mb = 128\n", "missing 1 required positional argument: 'timeout_s'"),
        (ROW.format("sample") + "colour = 1\n", "unexpected keyword argument 'colour'"),
        ("[sample]\ndescription = ''\nmemory_mb = 128\ntimeout_s = 1\n", "description must have 1 to 256 characters"),
        (ROW.format("sample") + "features = ['look', 'fly']\n", "feature 'fly' is none of look, talk"),
        (ROW.format("sample") + "features = 'look'\n", "features is 'look'; it must be a list"),
        (ROW.format("sample") + "verdicts = 'process'\n", "verdicts is 'process'; it must be a list"),
        (ROW.format("sample") + "verdicts = ['fly']\n", "verdict 'fly' is none of process, archive_only, quarantine"),
        (ROW.format("sample") + "verdicts = ['process']\n", "estimate is missing"),
        (ROW.format("sample") + "verdicts = ['quarantine']\nfeatures = ['look']\n", "may have no features"),
        (ROW.format("sample") + "estimate = { per_call = 1 }\n", "estimate must have seconds and may have per_call"),
    ],
)
def test_a_wrong_row_is_rejected_by_name(tmp_path: Path, text: str, expected: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(BuildError) as caught:
        read(path, ["sample"], {"look": True, "talk": False})
    assert str(path) in str(caught.value) and expected in str(caught.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"functions\.toml: No such file"):
        read(tmp_path / "functions.toml", ["sample"], {})
