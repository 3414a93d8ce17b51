"""Modules of npm packages that a package-lock.json pins, without an installation and without Node.js.

npm's client downloads each tarball once into the user's cache; its SHA-512 must be the lock's `integrity`
(npm Docs, "package-lock.json", section "packages").
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tarfile
import tempfile
from pathlib import Path

from impp_build import BuildError
from impp_engines import assets, packages


def read(lock: Path, package: str, member: str) -> bytes:
    """Return one file of a package that the lock pins. Raises BuildError if it cannot be had as pinned."""
    archive = _tarball(lock, package)
    with tarfile.open(archive) as tar:
        try:
            stream = tar.extractfile(f"package/{member}")
        except KeyError:
            stream = None
        if stream is None:
            raise BuildError(f"the npm package {package} contains no file {member}")
        with stream:
            return stream.read()


def _tarball(lock: Path, package: str) -> Path:
    """The package's tarball in the cache; downloaded if it is missing or damaged."""
    try:
        pinned = json.loads(lock.read_text("utf-8"))["packages"][f"node_modules/{package}"]
        version, integrity = pinned["version"], pinned["integrity"]
    except (KeyError, ValueError) as error:
        raise BuildError(f"{lock} pins no npm package {package}; run `npm install --package-lock-only`") from error
    cache = assets.cache_root() / "npm"
    target = cache / f"{package.replace('/', '+')}-{version}.tgz"
    if target.is_file() and _integrity(target) == integrity:
        return target
    cache.mkdir(parents=True, exist_ok=True)
    wanted = packages.Package("npm", package, version)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as folder:
        try:
            archive = packages.download(
                wanted, Path(folder), assets.cache_root() / "tools", lambda text: print(text, file=sys.stderr)
            )
        except packages.DownloadError as error:
            raise BuildError(f"cannot download {wanted}: {error}") from error
        if (actual := _integrity(archive)) != integrity:
            raise BuildError(f"{wanted} has the integrity {actual}, but {lock} pins {integrity}")
        archive.replace(target)
    return target


def _integrity(path: Path) -> str:
    """A file's Subresource Integrity string with SHA-512, as npm writes it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()}"
