"""The layers: hash-pinned wheels, downloaded once with pip, verified, and repacked into the layout of a layer.

The user's cache keeps wheels under a key of the requirements and the target, so a second checkout or a cleaned build
folder needs no network. boto3 is among them, although Lambda's runtime includes one: a layer is searched first
(https://docs.aws.amazon.com/lambda/latest/dg/python-package.html), so the pinned version runs, with the urllib3 that it
was tested with.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

from impp_build import BuildError
from impp_build.zips import Entry, entries_of, packed_size, zip_bytes

LAMBDA_PYTHON = "3.13"
LAMBDA_ARCHITECTURE = "arm64"
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's architectures, and how the tags of wheels spell them."""
_LAMBDA_GLIBC = 34  # Amazon Linux 2023 has glibc 2.34; a wheel may need an older one

_NEVER_PACKED = re.compile(
    r"(^|/)(__pycache__|tests?)/|\.(pyc|pyi|pxd|pyx|c|h|a)$|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"
    # ONNX Runtime's library for C programs, 27 MB: the Python module contains all of it. Its tools make models.
    r"|^onnxruntime/(capi/libonnxruntime\.so|(quantization|tools|transformers)/)|^numpy/f2py/"
)


_SERVICE_MODEL = re.compile(r"botocore/data/([^/]+)/")
"""What boto3 knows about a service. A client's first step is to list all that there are, and there are over 400."""

_FOLDER = "python/"
"""Folder of a layer that Lambda's Python imports from
(https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html)."""


@dataclass(frozen=True)
class Target:
    """The platform that wheels must run on, in Lambda's spelling, and the pip options that select such wheels."""

    name: str
    architecture: str
    python: str
    pip_options: tuple[str, ...]

    @property
    def runtime(self) -> str:
        """Lambda's name of the runtime, for example `python3.13`."""
        return f"python{self.python}"


def lambda_target(architecture: str = LAMBDA_ARCHITECTURE) -> Target:
    """Lambda, by default on Graviton."""
    machine = ARCHITECTURES[architecture]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(_LAMBDA_GLIBC, 16, -1)] + [f"manylinux2014_{machine}"]
    options = [f"--platform={tag}" for tag in tags] + [f"--python-version={LAMBDA_PYTHON}", "--implementation=cp"]
    return Target("aws", architecture, LAMBDA_PYTHON, tuple(options))


def host_target() -> Target:
    """This machine and this Python, for the local cloud. `runtime` is one that the AWS provider accepts."""
    machine = platform.machine().lower()
    architecture = "arm64" if machine in ("arm64", "aarch64") else "x86_64"
    python = f"3.{min(sys.version_info.minor, int(LAMBDA_PYTHON.split('.')[1]))}"
    return Target("local", architecture, python, ())


def pure_target() -> Target:
    """Pure Python wheels only: the same file serves every target."""
    options = ("--platform=any", f"--python-version={LAMBDA_PYTHON}", "--implementation=py")
    return Target("pure", "any", LAMBDA_PYTHON, options)


def cache_dir() -> Path:
    """The folder of cached wheels."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "impp" / "wheels"


def pinned(requirements: Path) -> str:
    """The requirements without comments: they decide a layer's content."""
    text = re.sub(r"^\s*#.*\n?", "", requirements.read_text("utf-8"), flags=re.MULTILINE)
    kept = []
    for block in re.split(r"(?m)^(?=\S)", text):
        name = re.match(r"[A-Za-z0-9._-]+", block)
        if not name:
            continue
        if "--hash=sha256:" not in block:
            raise BuildError(f"{requirements}: {block.split()[0]} is not pinned by hash; run `make lock`")
        kept.append(block.rstrip(" \\\n"))
    return "\n".join(kept) + "\n"


def wheels(requirements: Path, target: Target) -> list[Path]:
    """Return the wheels for a target from the cache or the package index, each verified against its pinned hash.

    Raises BuildError if pip fails, for example because no wheel for the target exists.
    """
    text = pinned(requirements)
    tags = [*target.pip_options] or [sys.implementation.cache_tag or "", platform.system(), platform.machine()]
    key = hashlib.sha256("\n".join([text, *tags]).encode()).hexdigest()[:16]
    store = cache_dir() / f"{target.name}-{key}"
    hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    for _ in range(3):  # another build may be repairing the same store
        if _complete(store, hashes):
            return sorted(store.glob("*.whl"))
        _download(text, target, store, hashes)
    raise BuildError(f"{store} lacks the wheels that {requirements} pins")


def _complete(store: Path, hashes: frozenset[str]) -> bool:
    """Return True if the folder holds pinned wheels only. One rename creates it, so it is never half filled."""
    try:
        found = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in store.glob("*.whl")]
    except OSError:  # another build moved it while we read
        return False
    return bool(found) and set(found) <= hashes


def _download(text: str, target: Target, store: Path, hashes: frozenset[str]) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.parent, prefix=f".{store.name}.") as scratch:
        requirements = Path(scratch, "requirements.txt")
        requirements.write_text(text, "utf-8")
        fetched = Path(scratch, "wheels")
        options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        options += ["--only-binary=:all:", *target.pip_options, f"--dest={fetched}", f"--requirement={requirements}"]
        command = [sys.executable, "-m", "pip", "download", *options]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603
        if done.returncode:
            raise BuildError(f"pip could not download the wheels for {target.name}:\n{done.stderr.strip()}")
        if _complete(store, hashes):  # another build was faster and may be reading; leave it alone
            return
        with contextlib.suppress(OSError):  # another build won; the caller checks again
            if store.exists():
                store.rename(Path(scratch, "damaged"))
            fetched.rename(store)


def layer_entries(chosen: list[Path], services: Container[str]) -> list[Entry]:
    """Return the files of a layer as unpacked to /opt: `python/<import path>`, without files that never run and without
    botocore's models of other services."""
    entries: dict[str, Entry] = {}
    for wheel in chosen:
        for entry in entries_of(wheel):
            path = _packed_path(entry.path)
            if path is None or ((model := _SERVICE_MODEL.match(path)) and model[1] not in services):
                continue
            inside = f"{_FOLDER}{path}"
            other = entries.setdefault(inside, Entry(inside, entry.method, entry.crc, entry.size, entry.data))
            if (other.crc, other.size) != (entry.crc, entry.size):
                raise BuildError(f"{wheel.name} and another wheel of the layer both contain {path}")
    return list(entries.values())


def compressed(name: str, entries: list[Entry]) -> list[Entry]:
    """Return a layer that holds the files in one archive, which :mod:`impp_engines.compressed_packages` unpacks.

    Lambda's limit counts what the layer unzips to: so the archive counts with its compressed size.
    """
    content = zip_bytes([replace(entry, path=entry.path.removeprefix(_FOLDER)) for entry in entries])
    return [Entry(f"{_FOLDER}{name}.zip", zipfile.ZIP_STORED, zlib.crc32(content), len(content), content)]


def unzipped_bytes(chosen: list[Path], *, is_compressed: bool) -> int:
    """Return the size of a layer when Lambda has unzipped it, from the wheels' directories alone."""
    total = 0
    for wheel in chosen:
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                if not info.is_dir() and (path := _packed_path(info.filename)) is not None:
                    total += packed_size(path, info.compress_size) if is_compressed else info.file_size
    return total


def _packed_path(path: str) -> str | None:
    """Return where a layer has a wheel's file, None if it is left out."""
    path = re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", path)
    return None if ".data/" in path.split("/")[0] + "/" or _NEVER_PACKED.search(path) else path


def import_names(entries: list[Entry]) -> frozenset[str]:
    """Return the top-level names that can be imported from a layer."""
    names = set()
    for entry in entries:
        first, slash, _ = entry.path.removeprefix(_FOLDER).partition("/")
        if (slash and "." not in first) or first.endswith((".py", ".so")):
            names.add(first.split(".")[0])
    return frozenset(names)
