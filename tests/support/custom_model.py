"""The example of a custom detector, `examples/custom-detector/model`, built once per process."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from PIL import Image
from tests.support.paths import REPOSITORY

FOLDER = REPOSITORY / "examples/custom-detector/model"


@cache
def artifact() -> bytes:
    """`model.tar.gz`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "model.tar.gz")
        subprocess.run([sys.executable, str(FOLDER / "build.py"), str(target)], check=True, capture_output=True)
        return target.read_bytes()


def archive(code: str, **files: bytes) -> bytes:
    """A `model.tar.gz` with this `code/inference.py` and other files, by path."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in {"code/inference.py": code.encode(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def jpeg(brightness: int) -> bytes:
    """A plain picture: 230 is a bright day, 10 is night."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), (brightness,) * 3).save(buffer, "JPEG")
    return buffer.getvalue()
