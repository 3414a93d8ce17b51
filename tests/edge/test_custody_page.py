"""docs/guide/custody.md shows what verify, prove and forget print: the test runs the page's commands and compares."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Final

import click.testing
import pytest
from tests.support.edge.cards import MP4, put

from impp_edge.cli import main
from impp_edge.config import Config
from impp_edge.memory import custody
from impp_edge.run import sync

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "guide" / "custody.md"
CARD, INGEST, DEVICE = "/media/dashcam", "impp-prod-ingest", "blue-car"
CLIP = "Record/20260115_081502_EF.mp4"
NAMES = (CLIP, "Record/20260115_081602_NF.mp4", "Record/20260115_081702_NF.mp4")
LINE = 1_000
"""Terminal width without line breaks; the page shortens longer lines."""


def blocks() -> list[list[str]]:
    """The page's indented blocks, as lines without the indent."""
    text = re.sub(r"^(?! {4}|$).*$", "\0", PAGE.read_text(encoding="utf-8"), flags=re.M)
    line_lists = ([line[4:] for line in block.splitlines() if line.strip()] for block in text.split("\0"))
    return [lines for lines in line_lists if lines]


def mask_values(line: str) -> str:
    """A line with every token that differs between two runs (numbers, hashes, times, names) shown as `#`."""
    return re.sub(r"\S*\d\S*|\S+=,?(?!\S)", "#", line).rstrip()


def assert_same(shown: list[str], printed: str, config: Config) -> None:
    """The printed lines begin with those of the page. A line of the page that ends with three dots is shortened."""
    printed = printed.replace(str(config.folders[0].path), CARD).replace(config.bucket, INGEST)
    lines = [line for line in printed.splitlines() if line.strip()]
    assert len(lines) >= len(shown), printed
    for page, real in zip(shown, lines, strict=False):
        if page.endswith("..."):
            cut = mask_values(page.removesuffix("...").rsplit(None, 1)[0])
            assert mask_values(real).startswith(cut), (page, real)
        else:
            assert mask_values(real) == mask_values(page), (page, real)


@pytest.fixture
def uploaded_config(config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    """The configuration of a card whose three clips were uploaded one after the other."""
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in NAMES:
        put(config.folders[0].path, name, MP4 + os.urandom(300_000))
        assert sync.run(config).complete
    return config


def run(config: Config, command: str) -> str:
    """The output of a command line of the page."""
    name, *rest = command.removeprefix("$ impp-edge ").split()
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    arguments = [part.replace(CARD, str(config.folders[0].path)) for part in rest]
    return click.testing.CliRunner().invoke(main, [name, *flags, *arguments], terminal_width=LINE).output


def test_page_shows_what_the_commands_print(uploaded_config: Config) -> None:
    everything, tampered, card, receipt, forgotten = blocks()
    card_folder, log = uploaded_config.folders[0].path, uploaded_config.state / custody.NAME

    assert_same(everything[1:], run(uploaded_config, everything[0]), uploaded_config)
    assert_same(receipt[1:], run(uploaded_config, receipt[0]), uploaded_config)

    whole = log.read_bytes()
    first, second, third = whole.splitlines(keepends=True)
    edited = second.replace(b"081602", b"081603")
    for shown, content in zip(tampered, (first + edited + third, first + third, first + second), strict=True):
        log.write_bytes(content)
        assert_same([shown], run(uploaded_config, "verify --log-only").splitlines()[0], uploaded_config)
    log.write_bytes(whole)

    kept = shutil.copytree(card_folder, uploaded_config.state / "kept")
    changed = card_folder / NAMES[1]
    changed.write_bytes(changed.read_bytes()[:-1] + b"\x01")
    (card_folder / NAMES[2]).unlink()
    assert_same(card[1:], run(uploaded_config, card[0]), uploaded_config)
    shutil.copytree(kept, card_folder, dirs_exist_ok=True)

    assert_same(forgotten[1:2], run(uploaded_config, forgotten[0]), uploaded_config)
    assert_same(forgotten[3:], run(uploaded_config, forgotten[2]), uploaded_config)
