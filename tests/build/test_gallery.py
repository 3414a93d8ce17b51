"""The gallery's build: hashed names, rewritten references, modules of npm packages as pinned."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.paths import REPOSITORY
from tests.support.small_project import GALLERY

from impp_build import BuildError, gallery
from impp_engines import packages


@pytest.fixture
def make_gallery(tmp_path: Path) -> Callable[..., Path]:
    def make(**changed: str) -> Path:
        root = tmp_path / "gallery"
        for name, text in (GALLERY | changed).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        return root

    return make


def test_a_page_leads_to_every_file_under_the_name_of_its_content(make_gallery: Callable[..., Path]) -> None:
    files = {file.path: file.content.decode() for file in gallery.Gallery(make_gallery()).files()}
    names = {re.sub(r"-[0-9a-f]{10}(?=\.)", "", path): path for path in files}
    assert sorted(names) == ["draw.js", "index.html", "later.js", "main.js", "style-page.css", "worker.js"]
    for name, path in names.items():
        digest = hashlib.sha256(files[path].encode()).hexdigest()[:10]
        assert name == "index.html" or digest in path
    assert f'from "/app/{names["draw.js"]}"' in files[names["main.js"]]
    assert f'import("/app/{names["later.js"]}")' in files[names["main.js"]]
    assert f'new URL("/app/{names["worker.js"]}", import.meta.url)' in files[names["later.js"]]
    page = files["index.html"]
    assert f'href="/app/{names["style-page.css"]}"' in page
    assert f'src="/app/{names["main.js"]}"' in page
    preloaded = re.findall(r'<link rel="modulepreload" href="/app/([^"]+)">', page)
    assert preloaded == [names["main.js"], names["draw.js"]], "what is imported on demand waits"


def test_a_changed_module_changes_the_names_of_its_users_alone(make_gallery: Callable[..., Path]) -> None:
    before = {file.path for file in gallery.Gallery(make_gallery()).files()}
    after = {file.path for file in gallery.Gallery(make_gallery(**{"src/later.js": "1\n"})).files()}
    assert {re.sub(r"-\w+\.", ".", path) for path in before - after} == {"later.js", "main.js", "worker.js"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('import "./lost.js";', "gallery/src/draw.js refers to src/lost.js, which is neither"),
        ('import "leftpad";', "gallery/src/draw.js imports leftpad, which modules.toml does not list"),
        ('import "./main.js";', "import each other: src/main.js → src/draw.js → src/main.js"),
    ],
)
def test_a_reference_to_nothing_or_in_a_circle_stops_the_build(
    make_gallery: Callable[..., Path], text: str, message: str
) -> None:
    root = make_gallery(**{"src/draw.js": text})
    with pytest.raises(BuildError, match=re.escape(message)):
        gallery.Gallery(root).files()


def test_a_package_is_used_only_with_the_integrity_that_the_lock_pins(
    make_gallery: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as tar:
        content = b'import{a}from"./a.mjs";import"x";\n//# sourceMappingURL=pad.mjs.map\n'
        info = tarfile.TarInfo("package/dist/pad.mjs")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    downloads: list[str] = []

    def download(package: packages.Package, folder: Path, *_: object) -> Path:
        downloads.append(str(package))
        path = folder / "pad.tgz"
        path.write_bytes(tarball.getvalue())
        return path

    monkeypatch.setattr(packages, "download", download)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(tarball.getvalue()).digest()).decode()}"

    def finish(integrity: str) -> dict[str, str]:
        lock = {"packages": {"node_modules/pad": {"version": "1.0.0", "integrity": integrity}}}
        files = {
            "src/main.js": 'import "pad/left";\n',
            "modules.toml": '[modules]\n"pad/left" = { package = "pad", file = "dist/pad.mjs" }\n',
            "package-lock.json": json.dumps(lock),
        }
        return {f.path: f.content.decode() for f in gallery.Gallery(make_gallery(**files)).files()}

    with pytest.raises(BuildError, match="pins sha512-other"):
        finish("sha512-other")
    for _ in range(2):
        files = finish(integrity)
        assert [text for path, text in files.items() if path.startswith("pad-left-")] == [
            'import{a}from"./a.mjs";import"x";\n'
        ]
    assert downloads == ["pad 1.0.0 (npm)"] * 2, "the second build finds the package in the cache"


def test_the_real_gallery_names_no_other_host() -> None:
    """Its Content-Security-Policy would deny it; this says where it is."""
    sources = [path for path in (REPOSITORY / "gallery").rglob("*") if path.suffix in (".html", ".js", ".css")]
    assert sources
    hosts = {
        (path.name, host)
        for path in sources
        for host in re.findall(r"https?://([^/\s\"'`<>)]+)", path.read_text("utf-8"))
    }
    assert {host for _, host in hosts} <= {"www.w3.org"}, hosts


def test_the_lock_pins_every_module_and_names_no_registry() -> None:
    root = REPOSITORY / "gallery"
    lock = json.loads((root / "package-lock.json").read_text("utf-8"))
    pinned = {name.removeprefix("node_modules/") for name in lock["packages"] if name}
    declared = json.loads((root / "package.json").read_text("utf-8"))
    assert pinned == {*declared["dependencies"]}
    assert "resolved" not in json.dumps(lock)
