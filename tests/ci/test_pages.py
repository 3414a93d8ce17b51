"""Every page leads somewhere: links, headings and the paths that pages and sources name exist."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).resolve().parents[2]
SKIPPED: Final = {"build", "node_modules", "__pycache__"}
TEXT: Final = {".md", ".py", ".tf", ".hcl", ".toml", ".yml", ".j2", ".json", ".service", ".timer", ".sh", ".in", ""}
TREES: Final = {"benchmarks", "docs", "edge", "examples", "modules", "schemas", "src", "terraform", "tests"}
FILE_NAME: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
PAGE_NAME: Final = re.compile(r"\bdocs/[\w/.-]+\.md\b")


def _files() -> Iterator[Path]:
    for base, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            n for n in folders if n not in SKIPPED and (not n.startswith(".") or n in (".github", ".ci"))
        )
        yield from (Path(base, name) for name in sorted(names) if Path(name).suffix in TEXT)


FILES: Final = tuple(_files())
PAGES: Final = tuple(path for path in FILES if path.suffix == ".md")


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    """The page's block tokens and, after each, the inline tokens within it."""
    blocks = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return tuple(token for block in blocks for token in (block, *(block.children or ())))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the page's headings."""
    found: list[str] = []
    seen: Counter[str] = Counter()
    every = tokens(page)
    for at, token in enumerate(every):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in every[at + 1].children or ())
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for token in tokens(page):
        link = token.attrGet("href") if token.type == "link_open" else token.attrGet("src")
        if not isinstance(link, str) or re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_paths_in_backticks_exist(page: Path) -> None:
    """A path counts when it begins with a folder of the repository's root, `src/…` but not `build/…`, or names a module
    from within its package: `card/find.py`."""
    named = {
        token.content for token in tokens(page) if token.type == "code_inline" and FILE_NAME.fullmatch(token.content)
    }
    paths = {name for name in named if name.partition("/")[0] in TREES and "/" in name}
    assert not sorted(name for name in paths if not (ROOT / name).exists())
    modules = {name for name in named - paths if re.fullmatch(r".+/.+\.py", name)}
    assert not sorted(name for name in modules if not any(f"/{_name(file)}".endswith(f"/{name}") for file in FILES))


def test_sources_name_pages_that_exist() -> None:
    stale = [
        f"{_name(file)}: {name}"
        for file in FILES
        if file != Path(__file__)
        for name in PAGE_NAME.findall(file.read_text(encoding="utf-8", errors="replace"))
        if not (ROOT / name).is_file()
    ]
    assert not stale


def test_architecture_lists_every_folder() -> None:
    text = (ROOT / "docs/design/architecture.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w./]+)/` \|", text, re.MULTILINE))
    code = {_name(file.parent) for top in ("src", "edge") for file in (ROOT / top).glob("*/*/__init__.py")}
    tests = {_name(path) for path in (ROOT / "tests").iterdir() if any(path.rglob("*.py"))}
    described = {path for path in code | tests if path in listed or path.rpartition("/")[0] in listed}
    assert code | tests == described


def test_readme_quotes_what_the_demo_prints() -> None:
    """Every stage and sentence of the README's and the guide's output blocks is a text of the demo's code."""
    guide = (ROOT / "docs/guide/try.md").read_text(encoding="utf-8")
    quoted: list[str] = []
    for page in ((ROOT / "README.md").read_text(encoding="utf-8"), guide):
        block = re.search(r"```text\n(.*?)```", page, re.DOTALL)
        assert block
        stages = re.findall(r"^✓ (.*?)  \(", block[1], re.MULTILINE)
        sentences = re.findall(r"^(\d+ of \d+ .*|On AWS .*|Report: .*)$", block[1], re.MULTILINE)
        assert len(stages) >= 4 and len(sentences) == 3
        quoted += stages
        for sentence in sentences:
            quoted += re.split(r"\$?\d[\d.]*(?: min \d+)?|build/\S+\b", sentence)
    demo = sorted((ROOT / "src/impp_local/demo").glob("*.py"))
    nodes = (node for path in demo for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    missing = [part for part in quoted if part.strip(" .") and not any(part.strip() in text for text in texts)]
    assert not missing
