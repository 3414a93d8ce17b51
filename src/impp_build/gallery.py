"""The gallery: static files whose names carry the hash of their content, so that browsers keep them for ever.

The sources in gallery/ are ES modules that run as they are. The build replaces each reference, a module's import or a
page's `src` and `href`, by the final URL, and adds to each page the `modulepreload` links of what it will import.
Modules of npm packages (`[modules]` of gallery/modules.toml) are copied beside ours. Equal sources give equal bytes.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from impp_build import BuildError
from impp_build.zips import write_whole

PREFIX: Final = "app/"
"""Where the delivery bucket holds the gallery, and the URL path that it is served at."""
FOLDER: Final = "gallery"
"""Folder of the files in the build folder."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"
"""Cache-Control of pages, whose names stay: browsers keep them but ask whether they have changed."""

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# `import … from "x"`, `import "x"`, `import("x")`, `new URL("x", import.meta.url)`; minifiers leave out spaces.
_IMPORT: Final = re.compile(r"""((?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*)(["'])([^"'\n]+)\2""")
_LINK: Final = re.compile(r'\b(src|href)="(\./[^"]+)"')
_SOURCE_MAP: Final = re.compile(r"//# sourceMappingURL=\S*\s*$")
# Comments of our modules, which have lines of their own.
_COMMENT: Final = re.compile(r"^[ \t]*(//[^\n]*|/\*\*.*?\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
_PRELOADS: Final = "<!-- modulepreload -->"
_HASH_DIGITS: Final = 10


@dataclass(frozen=True)
class File:
    """A finished file: its URL path below `PREFIX`, its bytes, and the modules that loading it loads, itself first."""

    path: str
    content: bytes
    loads: tuple[str, ...] = ()


@dataclass
class Gallery:
    """The finished files of the sources in `root`, each made once."""

    root: Path
    _files: dict[str, File] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def files(self) -> list[File]:
        """All pages, and every file that they lead to. Raises BuildError for a reference to nothing, or in a circle."""
        pages = [self._page(path) for path in sorted(self.root.glob("*.html"))]
        return [*pages, *(self._files[name] for name in sorted(self._files))]

    def path(self, source: str) -> str:
        """The URL path below `PREFIX` of one of the finished files, by its path in the sources."""
        return self._files[source].path

    def _page(self, path: Path) -> File:
        modules: list[str] = []

        def link(match: re.Match[str]) -> str:
            file = self._file(match[2].removeprefix("./"), path.name)
            modules.extend(file.loads)
            return f'{match[1]}="/{PREFIX}{file.path}"'

        text = _LINK.sub(link, path.read_text("utf-8"))
        preloads = (f'<link rel="modulepreload" href="/{PREFIX}{module}">' for module in dict.fromkeys(modules))
        return File(path.name, text.replace(_PRELOADS, "\n".join(preloads)).encode())

    def _file(self, name: str, user: str) -> File:
        """A source file by its path in gallery/, or a module of a package by its import specifier."""
        if name in self._open:
            raise BuildError(f"modules of the gallery import each other: {' → '.join([*self._open, name])}")
        if name not in self._files:
            self._open.append(name)
            self._files[name] = self._finish(name, self._read(name, user))
            self._open.pop()
        return self._files[name]

    def _read(self, name: str, user: str) -> bytes:
        if name in self._modules:
            from impp_build import npm

            return npm.read(self.root / "package-lock.json", *self._modules[name])
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise BuildError(f"gallery/{user} refers to {name}, which is neither a file nor in modules.toml") from error

    @cached_property
    def _modules(self) -> dict[str, tuple[str, str]]:
        """Package and file of each import specifier."""
        table = tomllib.loads((self.root / "modules.toml").read_text("utf-8"))["modules"]
        return {specifier: (row["package"], row["file"]) for specifier, row in table.items()}

    def _finish(self, name: str, content: bytes) -> File:
        loads: list[str] = []
        suffix = ".js" if name in self._modules else Path(name).suffix
        if suffix == ".js":
            removed = _SOURCE_MAP if name in self._modules else _COMMENT
            text = removed.sub("", content.decode())

            def reference(match: re.Match[str]) -> str:
                target = self._target(name, match[3])
                if target is None:
                    return match[0]
                file = self._file(target, name)
                if not match[1].rstrip().endswith("("):  # what is imported on demand is not loaded with the page
                    loads.extend(file.loads)
                return f"{match[1]}{match[2]}/{PREFIX}{file.path}{match[2]}"

            content = _IMPORT.sub(reference, text).encode()
        digest = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
        stem = re.sub(r"[^A-Za-z0-9]+", "-", name.removeprefix("src/").removesuffix(Path(name).suffix))
        path = f"{stem}-{digest}{suffix}"
        return File(path, content, tuple(dict.fromkeys([path, *loads])) if suffix == ".js" else ())

    def _target(self, name: str, specifier: str) -> str | None:
        """The name of what a module refers to; None if the text only looks like a reference."""
        if specifier.startswith(("./", "../")) and name not in self._modules:
            return posixpath.normpath(posixpath.join(posixpath.dirname(name), specifier))
        if specifier in self._modules:
            return specifier
        if name in self._modules:
            return None
        raise BuildError(f"gallery/{name} imports {specifier}, which modules.toml does not list")


def build(root: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Write the files to `folder`/gallery and return their part of the manifest, by key in the delivery bucket.

    A row is `{path, sha256, size, content_type, cache_control}`; `path` is relative to `folder`.
    """
    rows = {}
    for file in Gallery(root).files():
        digest = hashlib.sha256(file.content).hexdigest()
        suffix = Path(file.path).suffix
        is_page = suffix == ".html"
        name = f"{Path(file.path).stem}-{digest[:_HASH_DIGITS]}.html" if is_page else file.path
        path = folder / FOLDER / name
        if not path.is_file() or path.stat().st_size != len(file.content):
            write_whole(path, file.content)
        rows[f"{PREFIX}{file.path}"] = {
            "path": f"{FOLDER}/{name}",
            "sha256": digest,
            "size": len(file.content),
            "content_type": _TYPES[suffix],
            "cache_control": REVALIDATE if is_page else IMMUTABLE,
        }
    return rows
