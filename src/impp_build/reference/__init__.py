"""Reference pages made from what they describe: commands, schemas, Terraform files. `make reference` writes them.

A generator is a module here with a function `pages()` that yields :class:`Page`; :data:`GENERATORS` names them all.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
GENERATORS: Final = ("commands", "schemas", "terraform")


@dataclass(frozen=True)
class Page:
    """One committed file: its path relative to the repository, and the whole text that it should hold."""

    path: str
    text: str

    @property
    def file(self) -> Path:
        """Where the page is on this machine."""
        return ROOT / self.path

    def is_current(self) -> bool:
        """True if the committed file holds this text."""
        return self.file.is_file() and self.file.read_text(encoding="utf-8") == self.text


def pages() -> Iterator[Page]:
    """All pages of all generators."""
    for name in GENERATORS:
        yield from importlib.import_module(f"{__name__}.{name}").pages()
