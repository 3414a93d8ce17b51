"""Where a model's weights are: the engines ask for a file by name and get a path.

In order: the folders of the environment variable `IMPP_WEIGHTS` (separated like `PATH`), then a source that the program
has set (a Lambda function fetches from its code bucket), else the developer's cache (`assets`).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

VARIABLE = "IMPP_WEIGHTS"
"""Folders of weights, separated by `os.pathsep`."""

Source = Callable[[str], Path]
"""The path of the weights of a name; raises `LookupError` for a name that it does not have."""

_source: Source | None = None


def set_source(source: Source | None) -> None:
    """Ask `source` for weights that no folder of `IMPP_WEIGHTS` holds; None: the developer's cache."""
    global _source
    _source = source


def path(name: str) -> Path:
    """The file of weights, such as `nanodet.onnx` or `whisper-base/model.bin`.

    Raises `LookupError` for an unknown name, and what the source or the cache raises if it cannot be fetched.
    """
    for folder in os.environ.get(VARIABLE, "").split(os.pathsep):
        if folder and (file := Path(folder, name)).is_file():
            return file
    return (_source or _cached)(name)


def _cached(name: str) -> Path:
    # Not an import statement: the cache downloads packages, and must stay out of the functions' zips.
    cached: Path = importlib.import_module("impp_engines.assets").path(name)
    return cached
