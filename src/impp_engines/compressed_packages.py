"""Packages that are too large for a Lambda layer and therefore compressed in it (`impp_build.wheels`).

CTranslate2 has 74 MB for arm64 and 152 MB for x86-64, and Lambda's limit counts a layer unzipped. Where packages are
installed in the ordinary way, there is no archive and nothing to do.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import zipfile
from pathlib import Path


def add_to_path(name: str) -> None:
    """Make the packages of layer `name` importable: unpack them to the temporary folder, once per container."""
    archive = next((file for folder in sys.path if (file := Path(folder, f"{name}.zip")).is_file()), None)
    if archive is None:
        return
    target = Path(tempfile.gettempdir(), f"impp-{name}")
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            unpacked = Path(folder, name)
            with zipfile.ZipFile(archive) as content:
                content.extractall(unpacked)  # our own layer
            with contextlib.suppress(OSError):  # another process was faster
                unpacked.rename(target)
    if str(target) not in sys.path:
        sys.path.append(str(target))
